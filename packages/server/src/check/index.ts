/** What is wrong with a project, found by loading its files and starting it once on an empty folder. */
export { checkProject } from './check-project.ts';
