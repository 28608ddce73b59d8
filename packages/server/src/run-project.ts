import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@millrace/core/base';
import { buildWeb } from '@millrace/web/build';
import { Companions } from './operate/index.ts';
import { openProfile } from './profile.ts';
import type { Project } from './project/index.ts';
import { serve } from './serve.ts';

export interface RunOptions {
  readonly project: Project;
  readonly dataFolder: string;
  /** Where bundles and builds are kept between starts. */
  readonly cacheFolder: string;
  readonly host: string;
  readonly port: number;
  /** False: when the port is taken, the next free one is used. */
  readonly isPortFixed: boolean;
  readonly startCompanions: boolean;
  readonly logger: Logger;
  readonly version: string;
}

/** One line of the table that the start prints. */
export interface RunningPart {
  readonly name: string;
  readonly where: string;
  readonly note: string;
}

export interface RunningProject {
  readonly projectName: string;
  readonly url: string;
  readonly parts: readonly RunningPart[];
  /** Called when a part can no longer keep its promises. Returns the cancellation. */
  onFatal(listener: (error: Error) => void): () => void;
  /** Stops companions and the door first, then every part; nothing accepted is lost. */
  close(): Promise<void>;
}

/**
 * Opens the project's parts, builds the page where its sources changed, listens, and starts the companions.
 */
export async function runProject(options: RunOptions): Promise<RunningProject> {
  const { project, dataFolder, cacheFolder, logger, version } = options;
  const companionsFolder = join(dataFolder, 'companions');
  await mkdir(companionsFolder, { recursive: true });
  const companions = new Companions({ projectFolder: project.folder, stateFolder: companionsFolder, logger });
  const [profile, web] = await Promise.all([
    openProfile({ project, dataFolder, cacheFolder, companions, logger, version }),
    buildWeb({ outFolder: join(cacheFolder, 'web') }),
  ]);
  const { url, app } = await serve(profile, {
    host: options.host,
    port: options.port,
    webFolder: web.folder,
    version,
  }).catch(async (error: unknown) => {
    await profile.close();
    throw error;
  });
  const key = project.definition.auth?.ingestKeys?.[0];
  if (options.startCompanions) {
    for (const companion of project.definition.companions ?? []) companions.start(companion, { url, key });
  }
  return {
    projectName: project.definition.name,
    url,
    parts: partsOf(options, url),
    onFatal: (listener) => profile.onFatal(listener),
    async close() {
      await Promise.all([companions.stop(), app.close()]);
      await profile.close();
    },
  };
}

function partsOf({ project, dataFolder, startCompanions }: RunOptions, url: string): RunningPart[] {
  const companions = startCompanions ? (project.definition.companions ?? []) : [];
  return [
    { name: 'page', where: url, note: 'dashboards, explore, alerts, pipeline' },
    { name: 'events', where: `${url}/v1/events`, note: 'POST one event, an array, or NDJSON' },
    { name: 'metrics', where: `${url}/cubejs-api/v1`, note: 'Cube: REST, GraphQL at /cubejs-api/graphql' },
    { name: 'figures', where: `${url}/metrics`, note: 'Prometheus' },
    { name: 'data', where: dataFolder, note: 'log, state, warehouse; delete it to begin anew' },
    ...companions.map(({ name }) => ({ name, where: 'own process', note: 'companion of the project' })),
  ];
}
