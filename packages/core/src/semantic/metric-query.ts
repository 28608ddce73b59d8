import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { fail } from './errors.ts';
import type { MetricQuery } from './port.ts';

/** `cube.member`, or `cube.member.granularity` in an order. */
const member = Type.String({ pattern: '^[A-Za-z0-9_]+\\.[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+)?$', maxLength: 400 });
const direction = Type.Union([Type.Literal('asc'), Type.Literal('desc')]);
const members = Type.Array(member, { maxItems: 100 });
const dateRange = Type.Union([
  Type.String({ maxLength: 200 }),
  Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 2 }),
]);

const timeDimension = Type.Object(
  {
    dimension: member,
    granularity: Type.Optional(Type.String({ maxLength: 128 })),
    dateRange: Type.Optional(dateRange),
    compareDateRange: Type.Optional(Type.Array(dateRange, { minItems: 1, maxItems: 10 })),
  },
  { additionalProperties: false },
);

const metricQuery = Type.Object(
  {
    measures: Type.Optional(members),
    dimensions: Type.Optional(members),
    segments: Type.Optional(members),
    // Filters nest; the semantic layer checks them member by member.
    filters: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 100 })),
    timeDimensions: Type.Optional(Type.Array(timeDimension, { maxItems: 10 })),
    order: Type.Optional(
      Type.Union([Type.Record(Type.String(), direction), Type.Array(Type.Tuple([member, direction]))]),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 50_000 })),
    offset: Type.Optional(Type.Integer({ minimum: 0 })),
    timezone: Type.Optional(Type.String({ maxLength: 100 })),
  },
  { additionalProperties: false },
);

const validator = Compile(metricQuery);

/**
 * The value as a metric query. Checks the shape; whether its members exist is for the semantic layer to say.
 * Throws `SEMANTIC_QUERY_INVALID`, which names the field.
 */
export function checkMetricQuery(value: unknown): MetricQuery {
  if (!validator.Check(value)) {
    const [first] = validator.Errors(value);
    const field = first?.instancePath.replaceAll('/', '.').slice(1) || 'the query';
    throw fail('SEMANTIC_QUERY_INVALID', {
      message: `Metric query: ${field} ${first?.message ?? 'is wrong'}.`,
    });
  }
  const query = value as MetricQuery;
  if (!query.measures?.length && !query.dimensions?.length && !query.timeDimensions?.length) {
    throw fail('SEMANTIC_QUERY_INVALID', {
      message: 'Metric query: name at least one measure or dimension.',
    });
  }
  return query;
}
