/** Dashboard files: YAML in, a checked model or exact problems out, renewed when a file is saved. */
export { DashboardFolder } from './dashboard-folder.ts';
