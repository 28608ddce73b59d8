import { quoteName, quoteText } from '@millrace/adapters/duckdb';
import type { ImportPlan, PlannedField, TimeColumn } from './import-plan.ts';

/**
 * By field of the event: the SQL over the file's columns that makes its value. The id is among them if a
 * column has it.
 */
export function rowFields(plan: ImportPlan): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  if (plan.idColumn !== undefined) fields['event_id'] = `${quoteName(plan.idColumn)}::varchar`;
  fields['event_type'] = quoteText(plan.eventType);
  fields['event_timestamp'] = isoOf(timeOf(plan.time));
  for (const field of plan.fields) fields[field.name] = valueOf(field);
  return fields;
}

/** The event time as a TIMESTAMP. */
export function timeOf(time: TimeColumn | undefined): string {
  if (time === undefined) return 'now()::timestamp';
  const column = quoteName(time.name);
  switch (time.unit) {
    case 'time':
      return `${column}::timestamp`;
    case 's':
      return `make_timestamp(${column}::bigint * 1000000)`;
    case 'ms':
      return `make_timestamp(${column}::bigint * 1000)`;
    case 'us':
      return `make_timestamp(${column}::bigint)`;
    case 'ns':
      return `make_timestamp(${column}::bigint // 1000)`;
  }
}

/** JSON knows no infinity and no NaN: they become null, as values that are missing. */
function valueOf({ kind, column }: PlannedField): string {
  const name = quoteName(column.name);
  switch (kind) {
    case 'timestamp':
      return `case when isfinite(${name}::timestamp) then ${isoOf(`${name}::timestamp`)} end`;
    case 'date':
      return `case when isfinite(${name}) then strftime(${name}, '%Y-%m-%d') end`;
    case 'number':
      return `case when isfinite(${name}::double) then ${name}::double end`;
    case 'text':
      return `${name}::varchar`;
    case 'json':
      return `to_json(${name})::varchar`;
    case 'integer':
    case 'boolean':
      return name;
  }
}

function isoOf(timestamp: string): string {
  return `strftime(${timestamp}, '%Y-%m-%dT%H:%M:%S.%gZ')`;
}
