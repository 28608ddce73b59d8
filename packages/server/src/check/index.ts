/** What is wrong with a project, found by loading its files and starting it once on an empty folder. */
export { checkProject, type ProjectCheck } from './check-project.ts';
export type { Problem } from './problem.ts';
