import { isMillraceError } from '@millrace/core/base';
import type {
  FormatStyle,
  LabelledColumn,
  TableColumn,
  Tile,
  TileFormat,
  TileKind,
  TileQuery,
} from '../wire/index.ts';
import type { YamlFields, YamlValue } from './yaml-value.ts';

/** Throws kind `input` for a query that no live source answers. */
export type QueryCheck = (query: TileQuery) => void;

const kinds = ['number', 'series', 'bar', 'table', 'alerts', 'status'] as const satisfies readonly TileKind[];

const commonFields = ['title', 'description', 'kind', 'width', 'query', 'empty'] as const;
const ownFields = {
  number: ['value', 'format', 'trend'],
  series: ['format', 'shape', 'time', 'by', 'values', 'lastMs'],
  bar: ['label', 'value', 'format'],
  table: ['columns'],
  alerts: [],
  status: [],
} as const satisfies Record<TileKind, readonly string[]>;

type Field = (typeof commonFields)[number] | (typeof ownFields)[TileKind][number];

const widths: Readonly<Record<TileKind, number>> = {
  number: 3,
  series: 6,
  bar: 6,
  table: 6,
  alerts: 6,
  status: 12,
};

/** What a tile of these kinds follows when its file says nothing else. */
const reports: Partial<Record<TileKind, TileQuery>> = {
  alerts: { source: 'report', name: 'alerts' },
  status: { source: 'report', name: 'pipeline' },
};

/** One entry of `tiles`; undefined after problems were added. */
export function readTile(value: YamlValue, check: QueryCheck): Omit<Tile, 'id'> | undefined {
  const kind = kindOf(value);
  if (kind === undefined) return undefined;
  const fields = value.fields<Field>([...commonFields, ...ownFields[kind]]);
  if (fields === undefined) return undefined;
  const title = fields.get('title');
  if (title === undefined) fields.problem('A tile needs a `title`.');
  const given = fields.get('query');
  const query = given === undefined ? reports[kind] : readQuery(given, check);
  if (given === undefined && query === undefined) fields.problem(`A ${kind} tile needs a \`query\`.`);
  const common = {
    title: title?.text() ?? '',
    description: fields.get('description')?.text(),
    width: fields.get('width')?.number({ min: 1, max: 12 }) ?? widths[kind],
    query: query ?? {},
    empty: fields.get('empty')?.text(),
  };
  return { ...common, ...readOwn(kind, fields, check) };
}

function kindOf(value: YamlValue): TileKind | undefined {
  if (!value.isMapping) return value.problem('A tile must be a mapping (lines of `name: value`).');
  const kind = (value.plain() as Record<string, unknown>)['kind'];
  if (kind === undefined) return value.problem(`A tile needs a \`kind\`: one of ${kinds.join(', ')}.`);
  const known = kinds.find((candidate) => candidate === kind);
  if (known !== undefined) return known;
  // Read once more with all fields known, so that the problem is placed at the field itself.
  const all = [...commonFields, ...kinds.flatMap((name) => [...ownFields[name]])];
  value.fields<Field>(all)?.get('kind')?.oneOf(kinds);
  return undefined;
}

/** The fields that the kind has of its own, with its name. */
function readOwn(kind: TileKind, fields: YamlFields<Field>, check: QueryCheck) {
  const text = (name: Field) => fields.get(name)?.text();
  const trend = fields.get('trend');
  switch (kind) {
    case 'number':
      return { kind, value: text('value'), format: format(fields), trend: trend && readQuery(trend, check) };
    case 'series':
      return {
        kind,
        format: format(fields),
        shape: fields.get('shape')?.oneOf(['line', 'area', 'bars']) ?? ('line' as const),
        time: text('time'),
        by: text('by'),
        values: readColumns(fields.get('values'), ['column', 'label']),
        lastMs: fields.get('lastMs')?.number({ min: 1_000, max: 366 * 86_400_000 }),
      };
    case 'bar':
      return { kind, label: text('label'), value: text('value'), format: format(fields) };
    case 'table':
      return { kind, columns: readColumns(fields.get('columns'), ['column', 'label', 'format']) };
    case 'alerts':
    case 'status':
      return { kind };
  }
}

function readQuery(value: YamlValue, check: QueryCheck): TileQuery | undefined {
  if (!value.isMapping) return value.problem('`query` must be a mapping (lines of `name: value`).');
  const query = value.plain() as TileQuery;
  try {
    check(query);
  } catch (error) {
    if (!isMillraceError(error) || error.kind !== 'input') throw error;
    value.problem(`${error.message} ${error.remedy}`);
  }
  return query;
}

type ColumnField = 'column' | 'label' | 'format';

/** A list of column names, or of mappings `{column, label, format}`. */
function readColumns(value: YamlValue | undefined, known: readonly ColumnField[]): TableColumn[] {
  const columns: TableColumn[] = [];
  for (const item of value?.list() ?? []) {
    const column = item.isText ? { column: item.text() as string } : readColumn(item, known);
    if (column !== undefined) columns.push(column);
  }
  return columns;
}

function readColumn(
  item: YamlValue,
  known: readonly ColumnField[],
): (LabelledColumn & TableColumn) | undefined {
  const fields = item.fields<ColumnField>(known);
  if (fields === undefined) return undefined;
  const column = fields.get('column');
  if (column === undefined) return fields.problem('A column needs its name as `column`.');
  const given = fields.get('format');
  return {
    column: column.text() ?? '',
    label: fields.get('label')?.text(),
    format: given && readFormat(given),
  };
}

function format(fields: YamlFields<Field>): TileFormat {
  const given = fields.get('format');
  return (given && readFormat(given)) ?? { style: 'number' };
}

const styles = [
  'number',
  'compact',
  'percent',
  'currency',
  'duration',
  'bytes',
  'time',
  'age',
  'text',
] as const satisfies readonly FormatStyle[];

const currencyNeedsCode = 'A currency needs its code: `{ style: currency, currency: EUR }`.';

/** A style by name, or a mapping `{style, unit, currency, decimals}`. */
function readFormat(value: YamlValue): TileFormat | undefined {
  if (!value.isMapping) {
    const style = value.oneOf(styles);
    if (style === 'currency') return value.problem(currencyNeedsCode);
    return style && { style };
  }
  const fields = value.fields(['style', 'unit', 'currency', 'decimals']);
  if (fields === undefined) return undefined;
  const style = fields.get('style');
  const currency = fields.get('currency');
  const code = currency?.text();
  if (code !== undefined && !/^[A-Z]{3}$/.test(code))
    currency?.problem('`currency` must be three capital letters, such as EUR.');
  const styleName = style === undefined ? 'number' : (style.oneOf(styles) ?? 'number');
  if (styleName === 'currency' && code === undefined) style?.problem(currencyNeedsCode);
  return {
    style: styleName,
    unit: fields.get('unit')?.text(),
    currency: code,
    decimals: fields.get('decimals')?.number({ min: 0, max: 9 }),
  };
}
