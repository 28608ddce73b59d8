/** A new project: its files, its compiled models, and the link to the checkout. */
export { createProject, type CreatedProject } from './create-project.ts';
export { INIT_ERRORS } from './errors.ts';
