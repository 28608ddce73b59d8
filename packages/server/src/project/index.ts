/** A project folder: what its files define, loaded and checked. */
export { defineProject, type Companion, type ProjectDefinition } from './definition.ts';
export { fail as projectError, PROJECT_ERRORS } from './errors.ts';
export {
  inspectProject,
  loadProject,
  type InspectedProject,
  type Project,
  type ProjectFiles,
} from './project.ts';
