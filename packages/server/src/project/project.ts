import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { assert, isMillraceError, messageOf, type MillraceError } from '@millrace/core/base';
import { isEventContract, type EventContract } from '@millrace/core/contract';
import { isAlertDefinition, type AlertDefinition } from '@millrace/core/observe';
import { isPostgresSource, type PostgresSource } from '@millrace/core/sources';
import { isTopology, type Topology } from '@millrace/core/streams';
import type { ProjectDefinition } from './definition.ts';
import { fail } from './errors.ts';

/** A project folder, loaded and checked. Absent folders are undefined or empty. */
export interface Project {
  readonly folder: string;
  readonly definition: ProjectDefinition;
  readonly contracts: readonly EventContract[];
  readonly topologies: readonly Topology[];
  readonly alerts: readonly AlertDefinition[];
  /** Databases whose changes become events. */
  readonly sources: readonly PostgresSource[];
  /** The dbt project. */
  readonly modelsFolder: string | undefined;
  /** Cube data models. */
  readonly semanticFolder: string | undefined;
  readonly dashboardsFolder: string | undefined;
  /** Where each definition was found. */
  readonly files: ReadonlyMap<Definition, string>;
}

type Definition = EventContract | Topology | AlertDefinition | PostgresSource;

/** Loads `folder`; `PROJECT_NOT_FOUND`, `PROJECT_BROKEN_FILE` and `PROJECT_BAD_DEFINITION` name the file. */
export async function loadProject(folder: string): Promise<Project> {
  const inspected = await inspectProject(folder);
  if ('project' in inspected) return inspected.project;
  throw inspected.problems[0];
}

/** The project, or everything that keeps it from being loaded: never an empty list. */
export type InspectedProject =
  | { readonly project: Project }
  | { readonly problems: readonly [MillraceError, ...MillraceError[]] };

/** The file of a definition, from the project folder. */
export function definitionFile({ folder, files }: Project, definition: Definition): string | undefined {
  const file = files.get(definition);
  return file === undefined ? undefined : relative(folder, file);
}

/** Loads all files of `folder` and gathers what is wrong with them. */
export async function inspectProject(folder: string): Promise<InspectedProject> {
  const root = resolve(folder);
  const config = join(root, 'millrace.config.ts');
  if (!(await isPresent(config))) {
    const message = `${root} holds no millrace.config.ts.`;
    return { problems: [fail('PROJECT_NOT_FOUND', { message, details: { folder: root } })] };
  }
  const problems: MillraceError[] = [];
  const definition = await attempt(problems, async () => checkedDefinition(await importFile(config), config));
  const files = new Map<Definition, string>();
  const found: Found = { root, problems, files };
  // One after the other: streams import events, and a broken event is to be named itself.
  const contracts = await collect(found, {
    folder: 'events',
    isKind: isEventContract,
    wanted: 'event contract made by defineEvent',
  });
  const topologies = await collect(found, {
    folder: 'streams',
    isKind: isTopology,
    wanted: 'topology made by defineTopology',
  });
  const alerts = await collect(found, {
    folder: 'alerts',
    isKind: isAlertDefinition,
    wanted: 'alert made by defineAlert',
  });
  const sources = await collect(found, {
    folder: 'sources',
    isKind: isPostgresSource,
    wanted: 'source made by definePostgresSource',
  });
  const [first, ...others] = problems;
  if (first !== undefined) return { problems: [first, ...others] };
  assert(definition !== undefined, 'a definition that is not there is a problem');
  const project: Project = {
    folder: root,
    definition,
    contracts,
    topologies,
    alerts,
    sources,
    modelsFolder: await folderOf(root, 'models'),
    semanticFolder: await folderOf(root, 'semantic'),
    dashboardsFolder: await folderOf(root, 'dashboards'),
    files,
  };
  return { project };
}

function checkedDefinition(exported: Record<string, unknown>, file: string): ProjectDefinition {
  const definition = exported['default'] as ProjectDefinition | undefined;
  const name: unknown = definition?.name;
  if (definition !== undefined && typeof name === 'string' && /^[a-z][a-z0-9-]{0,62}$/.test(name))
    return definition;
  const message = `${file} must export default defineProject({ name: 'letters-digits-dashes', … }).`;
  throw fail('PROJECT_BAD_DEFINITION', { message, details: { file } });
}

interface Found {
  readonly root: string;
  readonly problems: MillraceError[];
  readonly files: Map<unknown, string>;
}

interface Wanted<Kind> {
  readonly folder: string;
  readonly isKind: (value: unknown) => value is Kind;
  readonly wanted: string;
}

/** All definitions that the folder's modules export by name, by default, or in arrays. */
async function collect<Kind>(
  { root, problems, files }: Found,
  { folder, isKind, wanted }: Wanted<Kind>,
): Promise<Kind[]> {
  const collected = new Set<Kind>();
  for (const file of await modulesOf(join(root, folder))) {
    await attempt(problems, async () => {
      const definitions = Object.values(await importFile(file))
        .flat()
        .filter(isKind);
      for (const definition of definitions) {
        collected.add(definition);
        files.set(definition, file);
      }
      if (definitions.length > 0) return;
      throw fail('PROJECT_BAD_DEFINITION', { message: `${file} exports no ${wanted}.`, details: { file } });
    });
  }
  return [...collected];
}

async function attempt<Result>(
  problems: MillraceError[],
  action: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    problems.push(error);
    return undefined;
  }
}

async function modulesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .toSorted()
    .map((name) => join(folder, name));
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    const message = `${placeOf(file, cause)}: ${messageOf(cause)}`;
    const isUnlinked = messageOf(cause).startsWith("Cannot find package 'millrace'");
    throw fail(isUnlinked ? 'PROJECT_NOT_LINKED' : 'PROJECT_BROKEN_FILE', {
      message,
      details: { file },
      cause,
    });
  }
}

/** The file, with the line where its stack has one. */
function placeOf(file: string, cause: unknown): string {
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  const [, after = ''] = stack.replaceAll(pathToFileURL(file).href, file).split(`${file}:`);
  const line = /^\d+(:\d+)?/.exec(after)?.[0];
  return line === undefined ? file : `${file}:${line}`;
}

async function folderOf(root: string, name: string): Promise<string | undefined> {
  const folder = join(root, name);
  return (await isPresent(folder)) ? folder : undefined;
}

function isPresent(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
