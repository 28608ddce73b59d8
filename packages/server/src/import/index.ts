/** A data file's rows as events, through the HTTP API. */
export { IMPORT_ERRORS } from './errors.ts';
export { importFile, type ImportOptions, type ImportSummary } from './import-file.ts';
export { ImportPosition } from './import-position.ts';
export {
  eventTypeOf,
  type FieldKind,
  type ImportPlan,
  planImport,
  type PlannedField,
  snakeCase,
  type TimeColumn,
} from './import-plan.ts';
export { timeOf } from './row-fields.ts';
