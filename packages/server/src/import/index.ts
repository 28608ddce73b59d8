/** A data file's rows as events, through the HTTP API. */
export { IMPORT_ERRORS } from './errors.ts';
export { importFile } from './import-file.ts';
export { ImportPosition } from './import-position.ts';
export {
  eventTypeOf,
  type FieldKind,
  type ImportPlan,
  planImport,
  type PlannedField,
  snakeCase,
} from './import-plan.ts';
export { timeOf } from './row-fields.ts';
