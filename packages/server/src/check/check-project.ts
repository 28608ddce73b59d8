import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestStaleness } from '@millrace/adapters/dbt';
import { isMillraceError } from '@millrace/core/base';
import { ContractRegistry } from '@millrace/core/contract';
import { ContractFile, goneEventText } from '../contracts/index.ts';
import { dataFolderOf, definitionFile, inspectProject, type Project } from '../project/index.ts';
import { startOnce } from './dry-start.ts';
import { type Problem, problemOf } from './problem.ts';

export interface ProjectCheck {
  readonly problems: readonly Problem[];
  /** What there is, when it could be loaded. */
  readonly summary: readonly string[];
}

/**
 * Loads all files of the project and says everything that is wrong; when they load, starts it once on an
 * empty folder and asks every tile, so that models, metrics and dashboards are tried as they will run.
 * The contracts are compared with those that the project's own data was last opened with.
 * `cacheFolder` as for a start.
 */
export async function checkProject(folder: string, options: { cacheFolder: string }): Promise<ProjectCheck> {
  const inspected = await inspectProject(folder);
  if ('problems' in inspected) return { problems: inspected.problems.map(problemOf), summary: [] };
  const { project } = inspected;
  const problems = [...repeatedNames(project), ...(await missingScripts(project))];
  const registry = attemptRegistry(project, problems);
  if (registry === undefined) return { problems, summary: [] };
  const staleness = await stalenessOf(project);
  if (staleness !== undefined) problems.push(staleness);
  const { refused, notes } = await evolutionOf(project);
  problems.push(...refused);
  const started = await startOnce(project, options);
  problems.push(...started.problems);
  const tables = registry
    .tables()
    .map(({ topic, table, columns }) => `topic ${topic} → raw.${table}, ${columns.length} columns`);
  return { problems, summary: [...tables, ...notes, ...started.summary] };
}

function attemptRegistry(project: Project, problems: Problem[]): ContractRegistry | undefined {
  try {
    return new ContractRegistry(project.contracts, {
      fileOf: (contract) => definitionFile(project, contract),
    });
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    problems.push(problemOf(error));
    return undefined;
  }
}

/** What a start on the project's own data would say of its contracts; nothing is opened. */
async function evolutionOf(project: Project): Promise<{ refused: Problem[]; notes: string[] }> {
  const refused = new Map<string, Problem>();
  const notes = new Set<string>();
  for (const log of ['embedded', 'kafka'] as const) {
    try {
      const file = await ContractFile.read(dataFolderOf(project.folder, log));
      const evolution = file.compare(project);
      for (const error of evolution.refused) refused.set(error.message, problemOf(error));
      for (const record of evolution.gone) notes.add(goneEventText(record));
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      refused.set(error.message, problemOf(error));
    }
  }
  return { refused: [...refused.values()], notes: [...notes] };
}

/** Alerts and topologies are known by their names, in the log and on the page. */
function repeatedNames(project: Project): Problem[] {
  const named = [
    ...project.alerts.map((alert) => ({
      what: 'alert',
      name: alert.name,
      file: definitionFile(project, alert),
    })),
    ...project.topologies.map((topology) => ({
      what: 'topology',
      name: topology.applicationId,
      file: definitionFile(project, topology),
    })),
  ];
  const first = new Map<string, string | undefined>();
  const problems: Problem[] = [];
  for (const { what, name, file } of named) {
    const key = `${what} ${name}`;
    if (first.has(key)) {
      const places = new Set([first.get(key), file]);
      const text = `${[...places].join(' and ')}: more than one ${what} has the name '${name}'.`;
      problems.push({ text, remedy: 'Give each a name of its own.' });
    }
    first.set(key, file);
  }
  return problems;
}

async function missingScripts({ folder, definition }: Project): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const companion of definition.companions ?? []) {
    if (!('script' in companion)) continue;
    const isThere = await access(join(folder, companion.script)).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    const text = `millrace.config.ts: companion '${companion.name}' runs ${companion.script}, which does not exist.`;
    problems.push({ text, remedy: 'Correct the path, from the project folder.' });
  }
  return problems;
}

async function stalenessOf({ modelsFolder }: Project): Promise<Problem | undefined> {
  if (modelsFolder === undefined) return undefined;
  const { warning } = await manifestStaleness(modelsFolder);
  return warning === undefined ? undefined : { text: warning, remedy: undefined };
}
