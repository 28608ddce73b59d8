/** A project folder: what its files define, loaded and checked. */
export { dataFolderOf } from './data-folder.ts';
export { type Companion, pageClaimsOf } from './definition.ts';
export { fail as projectError, PROJECT_ERRORS } from './errors.ts';
export { definitionFile, inspectProject, loadProject, type Project } from './project.ts';
