import { randomUUID } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CubeSemanticLayer } from '@millrace/adapters/cube';
import { checksum, nodeFileSystem } from '@millrace/adapters/disk';
import { type DuckdbWarehouse, openDuckdbWarehouse } from '@millrace/adapters/duckdb';
import { PrometheusMeter } from '@millrace/adapters/prometheus';
import type { Logger, Meter } from '@millrace/core/base';
import { ContractRegistry } from '@millrace/core/contract';
import { createIngest, type Ingest } from '@millrace/core/ingest';
import { LiveHub, type LiveReport, metricsSource, reportSource, streamSource, systemSource } from '@millrace/core/live';
import { type EventLog, openEmbeddedLog } from '@millrace/core/log';
import { AlertEngine, FigureBoard } from '@millrace/core/observe';
import { createStreamsRuntime, type StreamsRuntime } from '@millrace/core/streams';
import { LoaderPump, TableVersions } from '@millrace/core/warehouse';
import { DashboardFolder } from './dashboards/index.ts';
import { alertsReport, MetaReporter } from './live/index.ts';
import {
  Companions,
  createActionRunner,
  ModelBoard,
  observedMeter,
  openAuditTrail,
  pipelineReport,
  SourceDirectory,
  systemClock,
  SystemProbe,
  systemRandom,
  Visibility,
  watched,
} from './operate/index.ts';
import type { Project } from './project/index.ts';

export interface ProfileOptions {
  readonly project: Project;
  readonly dataFolder: string;
  /** Where bundles and builds are kept between starts. */
  readonly cacheFolder: string;
  readonly logger: Logger;
  readonly version: string;
}

/** The embedded profile: every port of the engine filled and wired, in one process. */
export interface Profile {
  readonly project: Project;
  readonly meter: PrometheusMeter;
  readonly log: EventLog;
  readonly ingest: Ingest;
  readonly hub: LiveHub;
  readonly reports: Readonly<Record<string, LiveReport>>;
  readonly figures: FigureBoard;
  readonly sources: SourceDirectory;
  readonly semantic: CubeSemanticLayer | undefined;
  /** Called when a part can no longer keep its promises. Returns the cancellation. */
  onFatal(listener: (error: Error) => void): () => void;
  /** Stops accepting, finishes what is under way, writes checkpoints. */
  close(): Promise<void>;
}

/**
 * Opens every part on `dataFolder`. The slow ones (warehouse, Cube) start beside the others; what they hold up says
 * `starting`. On failure everything that was opened is closed again.
 */
export async function openProfile(options: ProfileOptions, companions: Companions): Promise<Profile> {
  const opened: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (const close of opened.toReversed()) await close();
  };
  try {
    return await compose(options, companions, { opened, closeAll });
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface Cleanup {
  /** In the order of opening; closed in the opposite one. */
  readonly opened: (() => Promise<void> | void)[];
  readonly closeAll: () => Promise<void>;
}

async function compose(options: ProfileOptions, companions: Companions, cleanup: Cleanup): Promise<Profile> {
  const { project, dataFolder, logger, version } = options;
  const { opened, closeAll } = cleanup;
  const clock = systemClock;
  const prometheus = new PrometheusMeter();
  prometheus.measureProcess();
  const visibility = new Visibility(clock);
  const probe = new SystemProbe(clock, visibility.window);
  opened.push(() => probe.close());
  const meter = observedMeter(prometheus, {
    streams_result_latency_ms: (latencyMs, count, labels) =>
      probe.streamResult(labels['application'] ?? 'streams', latencyMs, count),
    warehouse_checkpoint_duration_ms: (durationMs) => probe.checkpoint(durationMs),
  });
  await mkdir(dataFolder, { recursive: true });
  const registry = new ContractRegistry(project.contracts);
  const [log, warehouse] = await openStorage(options, meter, opened);

  const ingest = await createIngest({
    log,
    registry,
    topics: project.definition.topics ?? {},
    clock,
    random: systemRandom,
    files: nodeFileSystem,
    folder: join(dataFolder, 'ingest'),
    limits: project.definition.ingest ?? {},
    meter,
    logger,
  });
  opened.push(() => ingest.close());
  const streams = await startStreams(options, { log, meter });
  opened.push(() => streams.close());

  await warehouse.defineTables(registry.tables());
  const topics = registry.topics().map(({ topic }) => topic);
  const pump = await LoaderPump.start({ log, warehouse, topics, clock, random: systemRandom, meter, logger });
  opened.push(() => pump.close());
  const models = new ModelBoard(clock, await warehouse.models());
  pump.onLoaded((receipt) => {
    visibility.loaded(receipt);
    probe.loaded(receipt);
    models.loaded(receipt);
  });
  if (topics.some((topic) => log.range(topic, 0).endOffset > 0)) probe.expectEvents();

  const semantic = startSemantic(options, { warehouse, meter });
  if (semantic !== undefined) opened.push(() => semantic.close());

  const figures = new FigureBoard(clock);
  figures.addProbe(probe.probe({ ingest, pump, streamDelaysMs: () => streams.delaysMs(), isBackfilling: () => companions.isBusy() }));
  figures.start();
  opened.push(() => figures.stop());
  const sources = new SourceDirectory(clock);
  for (const { name } of project.definition.companions ?? []) sources.expect(name, () => companions.probe(name));

  const alerts = new AlertEngine({
    alerts: project.alerts,
    figures,
    audit: await openAuditTrail(log, clock),
    runAction: createActionRunner(log, sources),
    clock,
    logger,
  });
  alerts.start();
  opened.push(() => alerts.stop());

  const reports: Record<string, LiveReport> = {
    alerts: alertsReport({ engine: alerts, definitions: project.alerts, figures }),
    pipeline: pipelineReport({
      clock,
      figures,
      probe,
      marts: visibility.window,
      log,
      pump,
      semantic,
      sources,
      companions,
      streamsLagRecords: () => streams.lagRecords(),
      models: () => models.reports(),
      version,
    }),
  };
  const hub = new LiveHub({
    clock,
    epoch: randomUUID(),
    meter,
    sources: [
      streamSource({ stores: streams.stores, clock }),
      systemSource(figures, clock),
      reportSource(reports),
      ...(semantic === undefined
        ? []
        : [
            metricsSource({
              semantic: watched(semantic, visibility),
              onTablesChanged: (listener) => warehouse.onChange(listener),
              clock,
            }),
          ]),
    ],
  });
  opened.push(() => hub.close());
  if (semantic !== undefined) {
    const meta = new MetaReporter(semantic);
    opened.push(() => meta.close());
    reports['meta'] = meta;
  }
  const dashboards = await DashboardFolder.open({
    folder: project.dashboardsFolder,
    shownAs: 'dashboards',
    check: (query) => hub.check(query),
    clock,
  });
  opened.push(() => dashboards.close());
  reports['dashboards'] = dashboards;

  const onFatal = (listener: (error: Error) => void) =>
    pump.onStateChange((state) => {
      if (state.status === 'failed') listener(state.error);
    });
  return { project, meter: prometheus, log, ingest, hub, reports, figures, sources, semantic, onFatal, close: closeAll };
}

/** Log and warehouse open side by side; when one fails, the other is closed. */
async function openStorage(
  { project, dataFolder, logger }: ProfileOptions,
  meter: Meter,
  opened: (() => Promise<void> | void)[],
): Promise<[EventLog, DuckdbWarehouse]> {
  const manifestPath = await compiledManifest(project);
  const [log, warehouse] = await Promise.allSettled([
    openEmbeddedLog({ folder: join(dataFolder, 'log'), files: nodeFileSystem, clock: systemClock, checksum, meter, logger }),
    openDuckdbWarehouse({
      folder: join(dataFolder, 'warehouse'),
      meter,
      logger,
      ...(manifestPath === undefined ? {} : { manifestPath }),
      ...(project.definition.warehouse ?? {}),
    }),
  ]);
  if (log.status === 'fulfilled') opened.push(() => log.value.close());
  if (warehouse.status === 'fulfilled') opened.push(() => warehouse.value.close());
  if (log.status === 'rejected') throw log.reason;
  if (warehouse.status === 'rejected') throw warehouse.reason;
  return [log.value, warehouse.value];
}

function startStreams(
  { project, dataFolder, logger }: ProfileOptions,
  { log, meter }: { log: EventLog; meter: Meter },
): Promise<StreamsRuntime> {
  return createStreamsRuntime({
    log,
    topologies: project.topologies,
    clock: systemClock,
    files: nodeFileSystem,
    stateFolder: join(dataFolder, 'streams'),
    meter,
    logger,
  });
}

function startSemantic(
  { project, cacheFolder, logger }: ProfileOptions,
  { warehouse, meter }: { warehouse: DuckdbWarehouse; meter: Meter },
): CubeSemanticLayer | undefined {
  if (project.semanticFolder === undefined) return undefined;
  const secret = project.definition.auth?.querySecret;
  return new CubeSemanticLayer({
    modelFolder: project.semanticFolder,
    auth: secret === undefined ? { mode: 'open' } : { mode: 'token', secrets: [secret] },
    cacheFolder,
    openQueryPort: () => warehouse.connectPort(),
    tableVersions: TableVersions.from(warehouse.sharedVersions),
    clock: systemClock,
    logger,
    meter,
  });
}

/** What real dbt compiled; undefined when the project has no models. */
async function compiledManifest(project: Project): Promise<string | undefined> {
  if (project.modelsFolder === undefined) return undefined;
  const path = join(project.modelsFolder, 'compiled', 'manifest.json');
  return access(path).then(
    () => path,
    () => undefined,
  );
}
