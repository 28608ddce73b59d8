import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '@millrace/core/base';
import { isEventContract, type EventContract } from '@millrace/core/contract';
import { isAlertDefinition, type AlertDefinition } from '@millrace/core/observe';
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
  /** The dbt project. */
  readonly modelsFolder: string | undefined;
  /** Cube data models. */
  readonly semanticFolder: string | undefined;
  readonly dashboardsFolder: string | undefined;
}

/** Loads `folder`; `PROJECT_NOT_FOUND`, `PROJECT_BROKEN_FILE` and `PROJECT_BAD_DEFINITION` name the file. */
export async function loadProject(folder: string): Promise<Project> {
  const root = resolve(folder);
  const config = join(root, 'millrace.config.ts');
  if (!(await isPresent(config))) {
    throw fail('PROJECT_NOT_FOUND', {
      message: `${root} holds no millrace.config.ts.`,
      details: { folder: root },
    });
  }
  const definition = (await importFile(config))['default'] as ProjectDefinition | undefined;
  checkDefinition(definition, config);

  const [contracts, topologies, alerts] = await Promise.all([
    collect(join(root, 'events'), isEventContract, 'an event contract made by defineEvent'),
    collect(join(root, 'streams'), isTopology, 'a topology made by defineTopology'),
    collect(join(root, 'alerts'), isAlertDefinition, 'an alert made by defineAlert'),
  ]);
  return {
    folder: root,
    definition,
    contracts,
    topologies,
    alerts,
    modelsFolder: await folderOf(root, 'models'),
    semanticFolder: await folderOf(root, 'semantic'),
    dashboardsFolder: await folderOf(root, 'dashboards'),
  };
}

function checkDefinition(
  definition: ProjectDefinition | undefined,
  file: string,
): asserts definition is ProjectDefinition {
  const name = definition?.name;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    const message = `${file} must export default defineProject({ name: 'letters-digits-dashes', … }).`;
    throw fail('PROJECT_BAD_DEFINITION', { message, details: { file } });
  }
}

/** All definitions that the folder's modules export by name, by default, or in arrays. */
async function collect<Kind>(
  folder: string,
  isKind: (value: unknown) => value is Kind,
  wanted: string,
): Promise<Kind[]> {
  const found = new Set<Kind>();
  for (const file of await modulesOf(folder)) {
    const exported = Object.values(await importFile(file)).flat();
    const definitions = exported.filter(isKind);
    if (definitions.length === 0) {
      throw fail('PROJECT_BAD_DEFINITION', {
        message: `${file} exports no ${wanted.replace(/^an? /, '')}.`,
        details: { file },
      });
    }
    for (const definition of definitions) found.add(definition);
  }
  return [...found];
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
    throw fail('PROJECT_BROKEN_FILE', { message: `${file}: ${messageOf(cause)}`, details: { file }, cause });
  }
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
