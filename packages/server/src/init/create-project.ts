import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { checksumProjectFiles, compiledManifestPath } from '@millrace/adapters/dbt';
import { DataFile } from '@millrace/adapters/duckdb';
import { eventTypeOf, planImport } from '../import/index.ts';
import { linkCheckout } from './checkout-link.ts';
import {
  ALERTS_FILE,
  configFile,
  eventFile,
  GITIGNORE_FILE,
  packageFile,
  readmeFile,
  tsconfigFile,
} from './code-files.ts';
import { profileFile } from './column-profile.ts';
import { dashboardFile } from './dashboard-file.ts';
import { dbtFiles } from './dbt-files.ts';
import { fail } from './errors.ts';
import { manifestFile } from './manifest-file.ts';
import { examplePlan, planFromFile, projectName, type ProjectPlan } from './project-plan.ts';
import { semanticFile } from './semantic-file.ts';

export interface CreateProjectOptions {
  /** Made when it does not exist. */
  readonly folder: string;
  /** A data file that the project is derived from, and that it imports. */
  readonly dataFile?: string;
  /** Column with the event time; default: the one that looks like it. */
  readonly timeColumn?: string;
}

export interface CreatedProject {
  readonly folder: string;
  readonly plan: ProjectPlan;
  /** Where the event time comes from; undefined: the time of the import. */
  readonly timeColumn: string | undefined;
  /** Paths of the files that were written, in the project. */
  readonly files: readonly string[];
}

const MILLRACE_FOLDER = resolve(import.meta.dirname, '../..');

/**
 * Makes a project that starts at once: its files, the models compiled, and Millrace linked.
 * `INIT_FOLDER_NOT_EMPTY`, `INIT_FILE_WITHOUT_ROWS`, `DATA_FILE_UNREADABLE`, `IMPORT_BAD_PLAN`; nothing is
 * written then.
 */
export async function createProject(options: CreateProjectOptions): Promise<CreatedProject> {
  const folder = resolve(options.folder);
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (present.length > 0) {
    const message = `${folder} is not empty: it holds ${present.slice(0, 3).join(', ')}${present.length > 3 ? ', …' : ''}.`;
    throw fail('INIT_FOLDER_NOT_EMPTY', { message, details: { folder } });
  }
  const name = projectName(basename(folder));
  const { plan, timeColumn } =
    options.dataFile === undefined
      ? { plan: examplePlan(name), timeColumn: undefined }
      : await readDataFile(name, resolve(options.dataFile), options.timeColumn);
  const files = projectFiles(plan);
  for (const [path, text] of files) await write(join(folder, path), text);
  const models = join(folder, 'models');
  await write(compiledManifestPath(models), manifestFile(plan, await checksumProjectFiles(models)));
  await linkCheckout(folder, MILLRACE_FOLDER);
  return { folder, plan, timeColumn, files: [...files.keys()] };
}

async function readDataFile(
  name: string,
  path: string,
  timeColumn: string | undefined,
): Promise<{ plan: ProjectPlan; timeColumn: string | undefined }> {
  await using file = await DataFile.open(path);
  if (file.rowCount === 0) throw fail('INIT_FILE_WITHOUT_ROWS', { message: `${path} has no rows.` });
  const eventType = eventTypeOf(path);
  const plan = planImport(file.columns, { eventType, timeColumn });
  const profile = await profileFile(file, plan);
  const { rowCount } = file;
  return {
    plan: planFromFile({ name, plan, profile, rowCount, dataFile: path }),
    timeColumn: plan.time?.name,
  };
}

/** All files but the compiled manifest, which needs the others' checksum: path → text. */
function projectFiles(plan: ProjectPlan): ReadonlyMap<string, string> {
  const files = new Map<string, string>([
    ['package.json', packageFile(plan, MILLRACE_FOLDER)],
    ['tsconfig.json', tsconfigFile()],
    ['.gitignore', GITIGNORE_FILE],
    ['README.md', readmeFile(plan)],
    ['millrace.config.ts', configFile(plan)],
    [`events/${plan.eventType.replaceAll('_', '-')}.ts`, eventFile(plan)],
    ['semantic/metrics.yml', semanticFile(plan)],
    ['dashboards/overview.yml', dashboardFile(plan)],
    ['alerts/pipeline.ts', ALERTS_FILE],
  ]);
  for (const [path, text] of dbtFiles(plan)) files.set(`models/${path}`, text);
  return files;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
