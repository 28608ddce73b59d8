import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@millrace/core/base';
import { Companions } from '../operate/index.ts';
import { openProfile, type Profile } from '../profile.ts';
import type { Project } from '../project/index.ts';
import type { DashboardsReport, ModelReport } from '../wire/index.ts';
import { type Problem, problemOf } from './problem.ts';
import { askTiles } from './tile-answers.ts';

const METRICS_START_MS = 60_000;

/**
 * Starts the project on an empty folder, without companions or a port, asks what it would show, and stops
 * it.
 */
export async function startOnce(
  project: Project,
  { cacheFolder }: { cacheFolder: string },
): Promise<{ problems: readonly Problem[]; summary: readonly string[] }> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-check-'));
  const logger = silentLogger;
  const companions = new Companions({ projectFolder: project.folder, stateFolder: dataFolder, logger });
  try {
    const profile = await openProfile({ project, dataFolder, cacheFolder, companions, logger, version: '' });
    try {
      return await examine(project, profile);
    } finally {
      await profile.close();
    }
  } catch (error) {
    return { problems: [problemOf(error)], summary: [] };
  } finally {
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function examine(
  project: Project,
  profile: Profile,
): Promise<{ problems: readonly Problem[]; summary: readonly string[] }> {
  const problems: Problem[] = [];
  profile.figures.sample();
  problems.push(...unknownFigures(project, profile));
  const reason = await metricsFailure(profile);
  if (reason !== undefined) problems.push({ text: `semantic/${reason}`, remedy: undefined });
  const dashboards = profile.reports['dashboards']?.read() as DashboardsReport;
  for (const { problems: found } of Object.values(dashboards)) {
    for (const { file, line, column, message } of found) {
      problems.push({ text: `${file}:${line}:${column}: ${message}`, remedy: undefined });
    }
  }
  // Without metrics every tile over them would say the same again.
  if (reason === undefined) problems.push(...(await askTiles(profile, dashboards)));
  return { problems, summary: summaryOf(project, profile, dashboards) };
}

/** Undefined when the semantic layer serves, or when there is none. */
async function metricsFailure({ semantic }: Profile): Promise<string | undefined> {
  if (semantic === undefined) return undefined;
  const settled = Promise.withResolvers<void>();
  const cancel = semantic.onStateChange(() => {
    if (semantic.state.status !== 'starting') settled.resolve();
  });
  if (semantic.state.status !== 'starting') settled.resolve();
  const timer = setTimeout(() => settled.resolve(), METRICS_START_MS);
  await settled.promise;
  clearTimeout(timer);
  cancel();
  const { status, reason } = semantic.state;
  return status === 'ready' ? reason : (reason ?? `Cube did not start within ${METRICS_START_MS / 1000} s`);
}

/** An alert on a figure that does not exist would never fire. */
function unknownFigures({ alerts }: Project, { figures }: Profile): Problem[] {
  const names = figures.names();
  return alerts
    .filter(({ when }) => !names.has(when.figure))
    .map(({ name, when }) => ({
      text: `alert '${name}' watches '${when.figure}', and there is no such figure.`,
      remedy: `There are ${[...names].toSorted().join(', ')}.`,
    }));
}

function summaryOf(project: Project, { reports }: Profile, dashboards: DashboardsReport): string[] {
  const models = (reports['pipeline']?.read()['models'] ?? []) as readonly ModelReport[];
  const tiles = Object.values(dashboards).reduce(
    (sum, { dashboard }) => sum + (dashboard?.tiles.length ?? 0),
    0,
  );
  return [
    ...models.map(({ relation, runs }) => `model ${relation}: ${runs}`),
    ...project.topologies.map(({ applicationId }) => `topology ${applicationId}`),
    `${project.alerts.length} alerts, ${Object.keys(dashboards).length} dashboards, ${tiles} tiles`,
  ];
}
