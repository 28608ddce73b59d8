/** A data file's rows as events, through the HTTP API. */
export { importFile, type ImportOptions, type ImportSummary } from './import-file.ts';
export { type ImportPlan, planImport, type PlannedField, snakeCase } from './import-plan.ts';
