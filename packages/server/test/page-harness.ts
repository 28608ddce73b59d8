import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, silentMeter, type Clock } from '@millrace/core/base';
import {
  LiveHub,
  metricsSource,
  reportSource,
  streamSource,
  systemSource,
  type LiveReport,
} from '@millrace/core/live';
import { FigureBoard } from '@millrace/core/observe';
import type { MetricQuery, MetricResult, SemanticLayer } from '@millrace/core/semantic';
import type { QueryableStores, StoreRow } from '@millrace/core/streams';
import { buildWeb } from '@millrace/web/build';
import { DashboardFolder } from '../src/dashboards/index.ts';
import { createHttpServer, liveRoutes, pageRoutes, type HttpServer } from '../src/http/index.ts';
import { MetaReporter } from '../src/live/index.ts';
import type { AlertsReport, PipelineReport } from '../src/wire/index.ts';

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Listeners that a test tells when it changed something. */
class Announcer<Arguments extends unknown[] = []> {
  readonly #listeners = new Set<(...values: Arguments) => void>();
  readonly on = (listener: (...values: Arguments) => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };
  tell(...values: Arguments): void {
    for (const listener of this.#listeners) listener(...values);
  }
}

/** A semantic layer in the test's hands. */
class TestMetrics implements SemanticLayer {
  readonly #stateChanges = new Announcer();
  readonly tableChanges = new Announcer<[ReadonlySet<string>]>();
  readonly onStateChange = this.#stateChanges.on;
  state: SemanticLayer['state'] = { status: 'ready' };
  orders = 100;

  become(state: SemanticLayer['state']): void {
    this.state = state;
    this.#stateChanges.tell();
  }

  setOrders(orders: number): void {
    this.orders = orders;
    this.tableChanges.tell(new Set(['marts.orders']));
  }

  load(query: MetricQuery): Promise<MetricResult> {
    const dimensions = query.dimensions ?? [];
    const time = query.timeDimensions?.find(({ granularity }) => granularity !== undefined);
    const columns = [...dimensions, ...(time === undefined ? [] : [`${time.dimension}.${time.granularity}`])];
    const names = dimensions.length === 0 ? [undefined] : ['kettle', 'chair', 'lamp'];
    const days = time === undefined ? [undefined] : ['2026-11-22T00:00:00.000', '2026-11-23T00:00:00.000'];
    const rows = names.flatMap((name, index) =>
      days.map((day) => [name, day, this.orders * (3 - index)].filter((value) => value !== undefined)),
    );
    return Promise.resolve({
      members: [...columns, ...(query.measures ?? [])],
      rows,
      watermarkMs: Date.now(),
    });
  }

  tablesOf(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set(['marts.orders']));
  }

  meta(): Promise<unknown> {
    const orders = {
      name: 'orders',
      title: 'Orders',
      measures: [{ name: 'orders.count', shortTitle: 'Count', type: 'number' }],
      dimensions: [
        { name: 'orders.product', shortTitle: 'Product', type: 'string' },
        { name: 'orders.at', shortTitle: 'Time', type: 'time' },
      ],
    };
    return Promise.resolve({ cubes: [orders] });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * The page before a real hub and real HTTP, with data in the test's hands. The whole program has a test of
 * its own; this one reaches the states that a healthy program does not show.
 */
export class PageHarness {
  readonly dashboardsFolder: string;
  readonly metrics = new TestMetrics();
  readonly alerts: AlertsReport = {
    alerts: [
      {
        name: 'low-throughput',
        description: 'Fewer than 100 events a second arrive.',
        phase: 'ok',
        condition: { figure: 'events_per_second', below: 100 },
        sinceMs: Date.now(),
      },
    ],
    history: [],
  };
  readonly #board = new FigureBoard(clock);
  readonly #storeChanges = new Announcer();
  readonly #reportChanges = new Announcer();
  readonly #rows: StoreRow[] = [];
  readonly #webFolder: string;
  #running: { server: HttpServer; hub: LiveHub; dashboards: DashboardFolder } | undefined;
  #port = 0;
  #rate = 200;
  #viewers = 0;

  private constructor(dashboardsFolder: string, webFolder: string) {
    this.dashboardsFolder = dashboardsFolder;
    this.#webFolder = webFolder;
    this.#board.addProbe(() => ({ events_per_second: this.#rate++ }));
  }

  static async start(): Promise<PageHarness> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-page-'));
    const web = await buildWeb({ outFolder: join(tmpdir(), 'millrace-page-build') });
    const harness = new PageHarness(join(folder, 'dashboards'), web.folder);
    await mkdir(harness.dashboardsFolder);
    harness.#board.sample();
    harness.#board.start();
    return harness;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Open live connections: one for all tabs of a browser. */
  get viewers(): number {
    return this.#viewers;
  }

  writeDashboard(text: string): Promise<void> {
    return writeFile(join(this.dashboardsFolder, 'shop.yml'), text);
  }

  addFraud(user: string): void {
    this.#rows.push({ key: user, value: { at: Date.now(), user } });
    this.#storeChanges.tell();
  }

  setAlerts(change: Partial<AlertsReport>): void {
    Object.assign(this.alerts, change);
    this.#reportChanges.tell();
  }

  /** Starts the server, on the port that it had before. */
  async up(): Promise<void> {
    const stores: QueryableStores = {
      names: () => ['fraud'],
      read: () => this.#rows,
      streamTimeMs: () => Date.now(),
      onChange: (_store, listener) => this.#storeChanges.on(listener),
    };
    const reports: Record<string, LiveReport> = {
      alerts: { read: () => ({ ...this.alerts }), onChange: this.#reportChanges.on },
      pipeline: {
        read: () => ({ ...this.#pipeline() }),
        onChange: (listener) => this.#board.onChange(listener),
      },
    };
    const { metrics } = this;
    const hub = new LiveHub({
      clock,
      epoch: randomUUID(),
      meter: {
        ...silentMeter,
        gauge: (name) => ({
          set: (value) => (this.#viewers = name === 'live_viewers' ? value : this.#viewers),
        }),
      },
      sources: [
        systemSource(this.#board, clock),
        streamSource({ stores, clock }),
        metricsSource({ semantic: metrics, onTablesChanged: metrics.tableChanges.on, clock }),
        reportSource(reports),
      ],
    });
    const dashboards = await DashboardFolder.open({
      folder: this.dashboardsFolder,
      shownAs: 'dashboards',
      check: (query) => hub.check(query),
      clock,
    });
    reports['dashboards'] = dashboards;
    reports['meta'] = new MetaReporter(metrics, {});
    const server = await createHttpServer({
      port: this.#port,
      clock,
      logger: silentLogger,
      routes: {
        page: (app) => app.register(pageRoutes, { folder: this.#webFolder }),
        session: (app) =>
          app.register(liveRoutes, { hub, clock, project: 'harness', version: '1', heartbeatMs: 500 }),
      },
    });
    this.#port = server.port;
    this.#running = { server, hub, dashboards };
  }

  async down(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.dashboards.close();
    await running?.server.close();
    running?.hub.close();
  }

  async end(): Promise<void> {
    await this.down();
    this.#board.stop();
    await rm(join(this.dashboardsFolder, '..'), { recursive: true, force: true });
  }

  #pipeline(): PipelineReport {
    return {
      hops: [{ id: 'ingest', state: 'ok', eventsPerSecond: this.#rate, latencyMs: { p50: 4, p99: 9 } }],
      identities: [
        { whole: { label: 'stored', value: 3 }, parts: [{ label: 'loaded', value: 3 }], holds: true },
      ],
      sources: [],
      models: [],
      progress: [],
      topics: [],
      process: { startedAtMs: Date.now(), rssBytes: 1, version: '1' },
    };
  }
}
