import { randomUUID } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CubeSemanticLayer } from '@millrace/adapters/cube';
import { compiledManifestPath, manifestStaleness } from '@millrace/adapters/dbt';
import { checksum, codecs, nodeFileSystem } from '@millrace/adapters/disk';
import { type DuckdbWarehouse, openDuckdbWarehouse } from '@millrace/adapters/duckdb';
import type { KafkaLogOptions } from '@millrace/adapters/kafka';
import { PrometheusMeter } from '@millrace/adapters/prometheus';
import type { Logger, Meter } from '@millrace/core/base';
import { ContractRegistry, refusalOf } from '@millrace/core/contract';
import { createIngest, type Ingest } from '@millrace/core/ingest';
import {
  LiveHub,
  type LiveReport,
  metricsSource,
  reportSource,
  streamSource,
  systemSource,
} from '@millrace/core/live';
import { type EventLog, openEmbeddedLog } from '@millrace/core/log';
import { AlertEngine, FigureBoard } from '@millrace/core/observe';
import { createStreamsRuntime, type StreamsRuntime } from '@millrace/core/streams';
import { LoaderPump, TableVersions } from '@millrace/core/warehouse';
import { ContractFile, goneEventText } from './contracts/index.ts';
import { DashboardFolder } from './dashboards/index.ts';
import { alertsReport, MetaReporter } from './live/index.ts';
import {
  type Companions,
  createActionRunner,
  HopFigures,
  ModelBoard,
  observedMeter,
  openAuditTrail,
  pipelineReport,
  SourceDirectory,
  startCaptures,
  systemClock,
  SystemProbe,
  systemRandom,
  Visibility,
  watched,
} from './operate/index.ts';
import { definitionFile, pageClaimsOf, type Project } from './project/index.ts';

/**
 * Which system fills a port of the engine. One that is left out is filled by the embedded part: a profile is
 * a preset of these, and each can be set alone.
 */
export interface Ports {
  /** The log on Apache Kafka; its transactional id is the project's unless it is set. */
  readonly log?: Pick<KafkaLogOptions, 'brokers' | 'transactionalId' | 'tls' | 'sasl' | 'compression'>;
}

export interface ProfileOptions {
  readonly project: Project;
  readonly dataFolder: string;
  /** Where bundles and builds are kept between starts. */
  readonly cacheFolder: string;
  readonly companions: Companions;
  readonly logger: Logger;
  readonly version: string;
  /** Default: everything embedded. */
  readonly ports?: Ports;
}

/** Every port of the engine filled and wired, in one process. */
export interface Profile {
  readonly project: Project;
  readonly meter: PrometheusMeter;
  readonly registry: ContractRegistry;
  readonly ingest: Ingest;
  readonly hub: LiveHub;
  readonly reports: Readonly<Record<string, LiveReport>>;
  readonly figures: FigureBoard;
  readonly sources: SourceDirectory;
  readonly semantic: CubeSemanticLayer | undefined;
  /** Called when a part can no longer keep its promises. Returns the cancellation. */
  onFatal(listener: (error: Error) => void): () => void;
  /** Finishes what is under way and writes checkpoints. */
  close(): Promise<void>;
}

/**
 * Opens every part on `dataFolder`. Slow ones start beside the others, and what has to wait for them says
 * `starting`. On failure everything that was opened is closed again. Contracts that the folder's data does
 * not allow are refused before anything is opened (`CONTRACT_INCOMPATIBLE`).
 */
export async function openProfile(options: ProfileOptions): Promise<Profile> {
  const opened = new OpenedParts();
  const failure = new FailureSignal();
  try {
    const contracts = await admittedContracts(options);
    await mkdir(options.dataFolder, { recursive: true });
    const instruments = openInstruments(opened);
    const storage = await openStorage(options, { meter: instruments.meter, failure }, opened);
    const engine = await openEngine(options, { ...instruments, ...storage, failure }, opened);
    engine.pump.onStateChange((state) => {
      if (state.status === 'failed') failure.raise(state.error);
    });
    const observation = await openObservation(options, { ...instruments, ...storage, ...engine }, opened);
    const views = await openViews(options, { ...instruments, ...storage, ...engine, ...observation }, opened);
    await contracts.remember(options.project);
    return {
      project: options.project,
      meter: instruments.prometheus,
      registry: engine.registry,
      ingest: engine.ingest,
      figures: observation.figures,
      sources: observation.sources,
      semantic: engine.semantic,
      ...views,
      onFatal: (listener) => failure.listen(listener),
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** The record that the data folder's contracts are kept in; throws where the project's do not fit them. */
async function admittedContracts({ dataFolder, project, logger }: ProfileOptions): Promise<ContractFile> {
  const file = await ContractFile.read(dataFolder);
  const evolution = file.compare(project);
  const refusal = refusalOf(evolution);
  if (refusal !== undefined) throw refusal;
  for (const record of evolution.gone) logger.warn(goneEventText(record));
  return file;
}

/** What was opened, closed in the opposite order. */
class OpenedParts {
  readonly #parts: { close(): Promise<void> | void }[] = [];

  add<Part extends { close(): Promise<void> | void }>(part: Part): Part {
    this.#parts.push(part);
    return part;
  }

  async close(): Promise<void> {
    for (const part of this.#parts.splice(0).toReversed()) await part.close();
  }
}

/** Tells who listens that a part can no longer keep its promises, also when that was before. */
class FailureSignal {
  readonly #listeners = new Set<(error: Error) => void>();
  #error: Error | undefined;

  raise(error: Error): void {
    this.#error ??= error;
    for (const listener of this.#listeners) listener(error);
  }

  listen(listener: (error: Error) => void): () => void {
    this.#listeners.add(listener);
    if (this.#error !== undefined) listener(this.#error);
    return () => this.#listeners.delete(listener);
  }
}

interface Instruments {
  readonly prometheus: PrometheusMeter;
  readonly meter: Meter;
  readonly probe: SystemProbe;
  readonly visibility: Visibility;
  readonly hops: HopFigures;
}

function openInstruments(opened: OpenedParts): Instruments {
  const prometheus = new PrometheusMeter();
  prometheus.measureProcess();
  const visibility = new Visibility(systemClock);
  const probe = opened.add(new SystemProbe(systemClock, visibility.window));
  const hops = new HopFigures(systemClock);
  const meter = observedMeter(prometheus, {
    ...hops.observers,
    streams_result_latency_ms: (latencyMs, count, labels) =>
      probe.streamResult(labels['application'] ?? 'streams', latencyMs, count),
    warehouse_checkpoint_duration_ms: (durationMs) => probe.checkpoint(durationMs),
  });
  return { prometheus, meter, probe, visibility, hops };
}

interface Storage {
  readonly log: EventLog;
  readonly warehouse: DuckdbWarehouse;
}

/** Log and warehouse open side by side; when one fails, the other is closed. */
async function openStorage(
  options: ProfileOptions,
  instruments: LogInstruments,
  opened: OpenedParts,
): Promise<Storage> {
  const { project, dataFolder, logger } = options;
  const { meter } = instruments;
  const manifestPath = await compiledManifest(project, logger);
  const [log, warehouse] = await Promise.allSettled([
    openLog(options, instruments),
    openDuckdbWarehouse({
      folder: join(dataFolder, 'warehouse'),
      meter,
      logger,
      ...(manifestPath === undefined ? {} : { manifestPath }),
      ...project.definition.warehouse,
    }),
  ]);
  if (log.status === 'fulfilled') opened.add(log.value);
  if (warehouse.status === 'fulfilled') opened.add(warehouse.value);
  if (log.status === 'rejected') throw log.reason;
  if (warehouse.status === 'rejected') throw warehouse.reason;
  return { log: log.value, warehouse: warehouse.value };
}

interface LogInstruments {
  readonly meter: Meter;
  readonly failure: FailureSignal;
}

async function openLog(options: ProfileOptions, { meter, failure }: LogInstruments): Promise<EventLog> {
  const { project, dataFolder, logger, ports = {} } = options;
  const shared = { clock: systemClock, checksum, meter, logger };
  if (ports.log === undefined) {
    return openEmbeddedLog({ ...shared, folder: join(dataFolder, 'log'), files: nodeFileSystem, codecs });
  }
  // Its client takes a while to load, and few need it.
  const { openKafkaLog } = await import('@millrace/adapters/kafka');
  return openKafkaLog({
    transactionalId: `millrace-${project.definition.name}`,
    ...shared,
    ...ports.log,
    onFailure: (error) => failure.raise(error),
  });
}

interface Engine {
  readonly registry: ContractRegistry;
  readonly ingest: Ingest;
  readonly streams: StreamsRuntime;
  readonly pump: LoaderPump;
  readonly models: ModelBoard;
  readonly semantic: CubeSemanticLayer | undefined;
}

async function openEngine(
  { project, dataFolder, cacheFolder, logger }: ProfileOptions,
  { log, warehouse, meter, probe, visibility, failure }: Storage & Instruments & LogInstruments,
  opened: OpenedParts,
): Promise<Engine> {
  const registry = new ContractRegistry(project.contracts, {
    fileOf: (contract) => definitionFile(project, contract),
  });
  const shared = { log, clock: systemClock, files: nodeFileSystem, meter, logger };
  const ingest = opened.add(
    await createIngest({
      ...shared,
      registry,
      topics: project.definition.topics ?? {},
      random: systemRandom,
      folder: join(dataFolder, 'ingest'),
      limits: project.definition.ingest ?? {},
    }),
  );
  const stateFolder = join(dataFolder, 'streams');
  const streams = opened.add(
    await createStreamsRuntime({ ...shared, topologies: project.topologies, stateFolder }),
  );

  await warehouse.defineTables(registry.tables());
  warehouse.onDrift(() => probe.drifted());
  const models = new ModelBoard(systemClock, await warehouse.models());
  const topics = registry.topics().map(({ topic }) => topic);
  const pump = opened.add(await LoaderPump.start({ ...shared, warehouse, topics, random: systemRandom }));
  pump.onLoaded((receipt) => {
    visibility.loaded(receipt);
    probe.loaded(receipt);
    models.loaded(receipt);
  });
  const onFailure = (error: Error): void => failure.raise(error);
  opened.add(startCaptures({ sources: project.sources, logger, log, onFailure }));
  if (pump.identity().storedRecords > 0) probe.expectEvents();
  const semantic = startSemantic({ project, cacheFolder, logger }, warehouse, meter);
  if (semantic !== undefined) opened.add(semantic);
  return { registry, ingest, streams, pump, models, semantic };
}

function startSemantic(
  { project, cacheFolder, logger }: Pick<ProfileOptions, 'project' | 'cacheFolder' | 'logger'>,
  warehouse: DuckdbWarehouse,
  meter: Meter,
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

interface Observation {
  readonly figures: FigureBoard;
  readonly sources: SourceDirectory;
  readonly alerts: AlertEngine;
}

async function openObservation(
  { project, companions, logger }: ProfileOptions,
  { log, ingest, pump, streams, probe }: Storage & Engine & Instruments,
  opened: OpenedParts,
): Promise<Observation> {
  const figures = new FigureBoard(systemClock);
  const streamDelaysMs = () => streams.delaysMs();
  figures.addProbe(probe.probe({ ingest, pump, streamDelaysMs, isBackfilling: () => companions.isBusy() }));
  figures.start();
  opened.add({ close: () => figures.stop() });
  const sources = new SourceDirectory(systemClock);
  for (const { name } of project.definition.companions ?? []) {
    sources.expect(name, () => companions.probe(name));
  }
  const alerts = new AlertEngine({
    alerts: project.alerts,
    figures,
    audit: await openAuditTrail(log, systemClock),
    runAction: createActionRunner(log, sources),
    clock: systemClock,
    logger,
  });
  alerts.start();
  opened.add({ close: () => alerts.stop() });
  return { figures, sources, alerts };
}

interface Views {
  readonly hub: LiveHub;
  readonly reports: Readonly<Record<string, LiveReport>>;
}

async function openViews(
  options: ProfileOptions,
  parts: Storage & Engine & Instruments & Observation,
  opened: OpenedParts,
): Promise<Views> {
  const { project, companions, version } = options;
  const { figures, semantic, streams, warehouse, visibility, alerts } = parts;
  const clock = systemClock;
  const reports: Record<string, LiveReport> = {
    alerts: alertsReport({ engine: alerts, definitions: project.alerts, figures }),
    pipeline: pipelineReport({ ...parts, clock, companions, version, live: () => hub.counts() }),
  };
  if (semantic !== undefined) reports['meta'] = opened.add(new MetaReporter(semantic, pageClaimsOf(project)));
  const sources = [
    streamSource({ stores: streams.stores, clock }),
    systemSource(figures, clock),
    reportSource(reports),
  ];
  const metrics =
    semantic &&
    metricsSource({
      semantic: watched(semantic, visibility),
      onTablesChanged: (listener) => warehouse.onChange(listener),
      clock,
    });
  const hub = opened.add(
    new LiveHub({
      clock,
      epoch: randomUUID(),
      meter: parts.meter,
      sources: metrics === undefined ? sources : [...sources, metrics],
    }),
  );
  reports['dashboards'] = opened.add(
    await DashboardFolder.open({
      folder: project.dashboardsFolder,
      shownAs: 'dashboards',
      check: (query) => hub.check(query),
      clock,
    }),
  );
  return { hub, reports };
}

/** What real dbt compiled; undefined without models. A manifest older than its models is a warning. */
async function compiledManifest({ modelsFolder }: Project, logger: Logger): Promise<string | undefined> {
  if (modelsFolder === undefined) return undefined;
  const { warning } = await manifestStaleness(modelsFolder);
  if (warning !== undefined) logger.warn(warning);
  const path = compiledManifestPath(modelsFolder);
  return access(path).then(
    () => path,
    () => undefined,
  );
}
