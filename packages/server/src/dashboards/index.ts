/** Dashboard files: YAML in, a checked model or exact problems out, renewed when a file is saved. */
export { DashboardFolder, type DashboardFolderOptions } from './dashboard-folder.ts';
export { readDashboard, type QueryCheck, type ReadDashboard } from './dashboard-file.ts';
