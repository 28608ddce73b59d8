import type { CubeReport, MemberReport, MetaReport, TileQuery } from 'millrace/wire';

/** What the reader chose; it stands in the address, so that a link shows the same. */
export interface Exploration {
  /** `cube.measure`. */
  readonly metric: string;
  /** Dimension to slice by; empty for none. */
  readonly by: string;
  readonly range: RangeName;
  readonly grain: Grain;
  readonly compare: boolean;
  readonly filter: ExplorationFilter | undefined;
}

export interface ExplorationFilter {
  readonly member: string;
  readonly operator: FilterOperator;
  readonly value: string;
}

export type RangeName = keyof typeof ranges;
export type Grain = 'minute' | 'hour' | 'day' | 'week';
export type FilterOperator = keyof typeof operators;

/** Ranges as Cube reads them, and the one before of the same length. */
export const ranges = {
  'day': { title: 'Today', now: 'today', before: 'yesterday', grain: 'hour', shiftMs: 86_400_000 },
  '24h': {
    title: 'Last 24 hours',
    now: 'from 23 hours ago to now',
    before: 'from 47 hours ago to 24 hours ago',
    grain: 'hour',
    shiftMs: 86_400_000,
  },
  '7d': {
    title: 'Last 7 days',
    now: 'from 6 days ago to now',
    before: 'from 13 days ago to 7 days ago',
    grain: 'day',
    shiftMs: 7 * 86_400_000,
  },
  '30d': {
    title: 'Last 30 days',
    now: 'from 29 days ago to now',
    before: 'from 59 days ago to 30 days ago',
    grain: 'day',
    shiftMs: 30 * 86_400_000,
  },
} as const;

export const grains: readonly Grain[] = ['minute', 'hour', 'day', 'week'];

export const operators = {
  equals: 'is',
  notEquals: 'is not',
  contains: 'contains',
  gt: 'is more than',
  lt: 'is less than',
} as const;

/**
 * Reads the address; what it leaves open, or names and there is not, gets a first choice. Undefined without
 * metrics.
 */
export function explorationOf(search: string, meta: MetaReport): Exploration | undefined {
  const asked = new URLSearchParams(search);
  const metrics = meta.cubes.flatMap((cube) => cube.measures);
  const metric = metrics.find(({ name }) => name === asked.get('metric')) ?? metrics[0];
  if (metric === undefined) return undefined;
  const cube = cubeOf(meta, metric.name);
  const askedRange = asked.get('range') ?? '';
  const range = askedRange in ranges ? (askedRange as RangeName) : '7d';
  const by = asked.get('by') ?? '';
  return {
    metric: metric.name,
    by: cube?.dimensions.some(({ name }) => name === by) === true ? by : '',
    range,
    grain: grains.find((grain) => grain === asked.get('grain')) ?? ranges[range].grain,
    compare: asked.get('compare') === 'yes',
    filter: filterOf(asked, cube),
  };
}

function filterOf(asked: URLSearchParams, cube: CubeReport | undefined): ExplorationFilter | undefined {
  const member = asked.get('filter') ?? '';
  if (cube?.dimensions.some(({ name }) => name === member) !== true) return undefined;
  const operator = asked.get('is') ?? '';
  return {
    member,
    operator: operator in operators ? (operator as FilterOperator) : 'equals',
    value: asked.get('value') ?? '',
  };
}

export function searchOf({ metric, by, range, grain, compare, filter }: Exploration): string {
  const search = new URLSearchParams({ metric, range, grain });
  if (by !== '') search.set('by', by);
  if (compare) search.set('compare', 'yes');
  if (filter !== undefined) {
    search.set('filter', filter.member);
    search.set('is', filter.operator);
    search.set('value', filter.value);
  }
  return `?${search}`;
}

export function cubeOf(meta: MetaReport, member: string): CubeReport | undefined {
  const cubeName = member.split('.')[0];
  return meta.cubes.find(({ name }) => name === cubeName);
}

export function timeOfCube(cube: CubeReport | undefined): MemberReport | undefined {
  return cube?.times[0];
}

export interface ExplorationQueries {
  readonly total: TileQuery;
  readonly totalBefore: TileQuery | undefined;
  /** Undefined where the cube has no time. */
  readonly series: TileQuery | undefined;
  readonly seriesBefore: TileQuery | undefined;
  /** Undefined when nothing slices it. */
  readonly slices: TileQuery | undefined;
  /** Column of the time in `series`. */
  readonly timeColumn: string;
}

const slicesShown = 20;

/** The live queries that answer an exploration. */
export function queriesOf(exploration: Exploration, cube: CubeReport | undefined): ExplorationQueries {
  const { by, compare, grain, metric, range } = exploration;
  const time = timeOfCube(cube)?.name;
  const filters = filtersOf(exploration);
  const base = { source: 'metrics', measures: [metric], ...(filters === undefined ? {} : { filters }) };
  const during = (dateRange: string, granularity?: Grain) =>
    time === undefined
      ? {}
      : {
          timeDimensions: [
            { dimension: time, dateRange, ...(granularity === undefined ? {} : { granularity }) },
          ],
        };
  const { before, now } = ranges[range];
  const sliced = by === '' ? {} : { dimensions: [by] };
  return {
    total: { ...base, ...during(now) },
    totalBefore: compare && time !== undefined ? { ...base, ...during(before) } : undefined,
    series: time === undefined ? undefined : { ...base, ...sliced, ...during(now, grain) },
    seriesBefore:
      time !== undefined && compare && by === '' ? { ...base, ...during(before, grain) } : undefined,
    slices:
      by === ''
        ? undefined
        : { ...base, ...sliced, ...during(now), order: [[metric, 'desc']], limit: slicesShown },
    timeColumn: `${time}.${grain}`,
  };
}

function filtersOf({ filter }: Exploration) {
  if (filter === undefined || filter.value === '') return undefined;
  return [{ member: filter.member, operator: filter.operator, values: [filter.value] }];
}

/** The exploration as a tile, to be pasted into a dashboard file. */
export function tileYaml(title: string, queries: ExplorationQueries, exploration: Exploration): string {
  const { by, metric } = exploration;
  const query = queries.series ?? queries.slices ?? queries.total;
  const lines = [
    '  - title: ' + yamlText(title),
    `    kind: ${queries.series === undefined ? (by === '' ? 'number' : 'bar') : 'series'}`,
  ];
  if (queries.series !== undefined) {
    lines.push(`    time: ${queries.timeColumn}`, `    values: [${metric}]`);
    if (by !== '') lines.push(`    by: ${by}`, '    shape: bars');
  }
  lines.push(
    '    query:',
    ...Object.entries(query).map(([name, value]) => `      ${name}: ${yamlValue(value)}`),
  );
  return lines.join('\n');
}

/** Flow style: JSON is YAML, and needs no quotes where a word is plain. */
function yamlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => `${name}: ${yamlValue(field)}`);
    return `{ ${fields.join(', ')} }`;
  }
  return typeof value === 'string' ? yamlText(value) : JSON.stringify(value);
}

function yamlText(text: string): string {
  const plain = /^[A-Za-z][\w. -]*$/.test(text) && !/^(true|false|null|yes|no|on|off|[yn])$/i.test(text);
  return plain ? text : JSON.stringify(text);
}
