/**
 * Real dbt as a process: compiling a project's models, and knowing whether what was compiled is still theirs.
 */
export { compileModels, type CompiledModels, type CompileOptions } from './compile.ts';
export { compiledManifestPath, manifestStaleness, type ManifestStaleness } from './compiled-manifest.ts';
export { DBT_VERSION, findDbt, type DbtCommand } from './dbt-command.ts';
export { runDbt, type DbtRunOptions } from './dbt-run.ts';
export { DBT_ERRORS } from './errors.ts';
export { checksumProjectFiles } from './project-files.ts';
