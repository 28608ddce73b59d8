import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@millrace/core/base';
import { buildWeb } from '@millrace/web/build';
import {
  contractRoutes,
  createHttpServer,
  cubeRoutes,
  deadLetterRoutes,
  ingestRoutes,
  liveRoutes,
  operateRoutes,
  pageRoutes,
  reportRoutes,
  type HttpRoutes,
  type HttpServer,
} from './http/index.ts';
import { Companions, systemClock } from './operate/index.ts';
import { openProfile, type Ports, type Profile } from './profile.ts';
import { pageClaimsOf, type Project } from './project/index.ts';

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
  /** Default: everything embedded. */
  readonly ports?: Ports;
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
  const { project, dataFolder, cacheFolder, logger, version, ports = {} } = options;
  const companionsFolder = join(dataFolder, 'companions');
  await mkdir(companionsFolder, { recursive: true });
  const companions = new Companions({ projectFolder: project.folder, stateFolder: companionsFolder, logger });
  const [profile, web] = await Promise.all([
    openProfile({ project, dataFolder, cacheFolder, companions, logger, version, ports }),
    buildWeb({ outFolder: join(cacheFolder, 'web') }),
  ]);
  const server = await listen(options, profile, web.folder).catch(async (error: unknown) => {
    await profile.close();
    throw error;
  });
  const { url } = server;
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
      await Promise.all([companions.stop(), server.close()]);
      await profile.close();
    },
  };
}

function listen(options: RunOptions, profile: Profile, webFolder: string): Promise<HttpServer> {
  const { host, port, isPortFixed, logger } = options;
  const { auth, http } = options.project.definition;
  const { ingestKeys = [], pageKeys = [] } = auth ?? {};
  return createHttpServer({
    host,
    port,
    isPortFixed,
    ingestKeys,
    pageKeys,
    allowedHosts: http?.allowedHosts ?? [],
    routes: routesOf(options, profile, webFolder),
    unreadyReason: () => unreadyReason(profile),
    clock: systemClock,
    logger,
  });
}

/** The details of a failure are for the page and the log: `/readyz` answers anybody. */
function unreadyReason({ semantic }: Profile): string | undefined {
  const status = semantic?.state.status;
  if (status === 'starting') return 'The metrics are starting.';
  if (status === 'failed') return 'The metrics have failed; the page and the log say why.';
  return undefined;
}

function routesOf({ project, version }: RunOptions, profile: Profile, webFolder: string): HttpRoutes {
  const { registry, ingest, hub, reports, figures, meter, semantic, sources } = profile;
  const { auth, ingest: limits } = project.definition;
  const clock = systemClock;
  return {
    ingest: (app) =>
      app.register(ingestRoutes, {
        ingest,
        clock,
        keys: auth?.ingestKeys ?? [],
        onAccepted: (source, count) => sources.heard(source, count),
        ...(limits?.eventsPerSecondMax === undefined
          ? {}
          : { eventsPerSecondMax: limits.eventsPerSecondMax }),
      }),
    page: (app) => app.register(pageRoutes, { folder: webFolder }),
    session: (app) =>
      app.register(liveRoutes, {
        hub,
        clock,
        project: project.definition.name,
        version,
        contextOf: () => pageClaimsOf(project),
      }),
    async local(app) {
      await app.register(contractRoutes, { registry });
      await app.register(reportRoutes, { reports });
      await app.register(operateRoutes, { figures, scrape: () => meter.scrape() });
      await app.register(deadLetterRoutes, { ingest });
      if (semantic !== undefined) await app.register(cubeRoutes, { cube: semantic });
    },
  };
}

function partsOf({ project, dataFolder, startCompanions, ports }: RunOptions, url: string): RunningPart[] {
  const companions = startCompanions ? (project.definition.companions ?? []) : [];
  return [
    { name: 'page', where: url, note: 'dashboards, explore, alerts, pipeline' },
    { name: 'events', where: `${url}/v1/events`, note: 'POST one event, an array, or NDJSON' },
    { name: 'metrics', where: `${url}/cubejs-api/v1`, note: 'Cube: REST, GraphQL at /cubejs-api/graphql' },
    { name: 'figures', where: `${url}/metrics`, note: 'Prometheus' },
    ...logParts(ports, dataFolder),
    ...companions.map(({ name }) => ({ name, where: 'own process', note: 'companion of the project' })),
  ];
}

function logParts(ports: Ports | undefined, dataFolder: string): RunningPart[] {
  if (ports?.log === undefined) {
    return [{ name: 'data', where: dataFolder, note: 'log, state, warehouse; delete it to begin anew' }];
  }
  return [
    { name: 'log', where: ports.log.brokers.join(','), note: 'Apache Kafka' },
    { name: 'data', where: dataFolder, note: 'state and warehouse, built from the log' },
  ];
}
