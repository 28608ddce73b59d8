/** dbt models kept live: what dbt compiled, read, planned and refreshed by the rows that changed. */
export { MODELS_ERRORS } from './errors.ts';
export type { Drift } from './idle-work.ts';
export { parseManifest, readManifest } from './manifest.ts';
export type { Manifest, Model, ModelDeclaration, OtherNode, Source, SourceDeclaration } from './manifest.ts';
export { createModelRefresher, type LiveModels, type ModelRefresherOptions } from './model-refresher.ts';
export type { PlannedModel } from './plan.ts';
