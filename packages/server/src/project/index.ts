/** A project folder: what its files define, loaded and checked. */
export { type Companion, pageClaimsOf } from './definition.ts';
export { fail as projectError, PROJECT_ERRORS } from './errors.ts';
export { inspectProject, loadProject, type Project, type ProjectFiles } from './project.ts';
