import { type DataFile, quoteName } from '@millrace/adapters/duckdb';
import { type ImportPlan, type PlannedField, timeOf } from '../import/index.ts';

/** What the rows of a data file say about its columns. */
export interface FileProfile {
  /** By field name. */
  readonly fields: ReadonlyMap<string, FieldProfile>;
  /** From the first to the last event time; undefined where the file has none. */
  readonly spanMs: number | undefined;
  /** Names that SQL takes for words of its own unless they are quoted. */
  readonly keywords: ReadonlySet<string>;
}

export interface FieldProfile {
  /** Rows without a value. */
  readonly missing: number;
  /** Different values, within a few percent. */
  readonly distinct: number;
}

/** Reads the file once. */
export async function profileFile(file: DataFile, plan: ImportPlan): Promise<FileProfile> {
  const perField = plan.fields.flatMap(({ column }) => [
    `count(${quoteName(column.name)})`,
    `approx_count_distinct(${quoteName(column.name)})`,
  ]);
  const time = timeOf(plan.time);
  const span = plan.time === undefined ? 'null' : `date_diff('millisecond', min(${time}), max(${time}))`;
  const [row = []] = await file.query(`select ${[span, ...perField].join(', ')} from file`);
  const [spanMs, ...counts] = row.map((value) => (value === null ? undefined : Number(value)));
  const profileOf = (_field: PlannedField, index: number): FieldProfile => ({
    missing: file.rowCount - (counts[index * 2] ?? 0),
    distinct: counts[index * 2 + 1] ?? 0,
  });
  const keywords = await file.query(
    "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'",
  );
  return {
    fields: new Map(plan.fields.map((field, index) => [field.name, profileOf(field, index)])),
    spanMs,
    keywords: new Set(keywords.map(([keyword]) => String(keyword))),
  };
}
