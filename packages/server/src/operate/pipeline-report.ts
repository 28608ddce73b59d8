import type { Clock } from '@millrace/core/base';
import type { EventLog } from '@millrace/core/log';
import type { LiveReport } from '@millrace/core/live';
import type { FigureBoard, LatencyWindow } from '@millrace/core/observe';
import type { SemanticLayer } from '@millrace/core/semantic';
import type { StreamsRuntime } from '@millrace/core/streams';
import type { LoaderPump } from '@millrace/core/warehouse';
import type { HopReport, IdentityReport, PipelineReport, ProgressReport } from '../wire/index.ts';
import type { Companions } from './companions.ts';
import type { HopFigures } from './hop-figures.ts';
import type { ModelBoard } from './model-board.ts';
import { SILENT_AFTER_MS, type SourceDirectory, type SourceStatus } from './source-directory.ts';
import type { SystemProbe } from './system-probe.ts';
import type { Visibility } from './visibility.ts';

export interface PipelineReportOptions {
  readonly clock: Clock;
  readonly figures: FigureBoard;
  readonly probe: SystemProbe;
  readonly visibility: Visibility;
  readonly log: EventLog;
  readonly pump: LoaderPump;
  readonly semantic: SemanticLayer | undefined;
  readonly sources: SourceDirectory;
  readonly companions: Companions;
  readonly streams: StreamsRuntime;
  readonly models: ModelBoard;
  readonly hops: HopFigures;
  readonly live: () => { readonly viewers: number; readonly queries: number };
  readonly version: string;
}

const WINDOW_MS = 60_000;

/**
 * The pipeline page: every hop, what must add up, who sends, and how each model is kept. Renewed once a
 * second.
 */
export function pipelineReport(options: PipelineReportOptions): LiveReport {
  const startedAtMs = options.clock.nowMs();
  return {
    read(): PipelineReport & Readonly<Record<string, unknown>> {
      const figures = options.figures.read();
      return {
        hops: hopsOf(options, figures),
        identities: identitiesOf(options, figures),
        sources: options.sources.statuses().map((source) => sourceOf(source, options.clock.nowMs())),
        models: options.models.reports(),
        progress: progressOf(options.companions),
        topics: topicsOf(options.log),
        process: {
          startedAtMs,
          rssBytes: figures['rss_bytes'] ?? 0,
          eventLoopDelayMsP99: figures['event_loop_delay_ms_p99'],
          version: options.version,
        },
      };
    },
    onChange(listener) {
      const cancelFigures = options.figures.onChange(listener);
      const cancelProgress = options.companions.onProgress(listener);
      return () => {
        cancelFigures();
        cancelProgress();
      };
    },
  };
}

type Figures = Readonly<Record<string, number>>;

function hopsOf(options: PipelineReportOptions, figures: Figures): HopReport[] {
  const { hops, log, pump, probe, semantic, streams, visibility } = options;
  const nowMs = options.clock.nowMs();
  const latencyOf = (window: LatencyWindow | undefined) => {
    const p50 = window?.quantileMs(nowMs, WINDOW_MS, 0.5);
    const p99 = window?.quantileMs(nowMs, WINDOW_MS, 0.99);
    return p50 === undefined || p99 === undefined ? undefined : { p50, p99 };
  };
  const eventsPerSecond = figures['events_per_second'];
  const rowsPerSecond = hops.perSecond('warehouse');
  const { viewers, queries } = options.live();
  return [
    { id: 'ingest', state: 'ok', eventsPerSecond, lagRecords: 0, latencyMs: hops.latencyMs('ingest') },
    {
      id: 'log',
      state: 'ok',
      eventsPerSecond,
      lagRecords: 0,
      latencyMs: hops.latencyMs('log'),
      facts: [{ label: 'topics', value: log.topics().length }],
    },
    {
      id: 'streams',
      state: (figures['avg_latency_ms'] ?? 0) > 1000 ? 'slow' : 'ok',
      eventsPerSecond: hops.perSecond('streams'),
      lagRecords: streams.lagRecords(),
      latencyMs: latencyOf(probe.streamLatency()),
    },
    {
      id: 'warehouse',
      ...warehouseState(pump),
      eventsPerSecond: rowsPerSecond,
      lagRecords: figures['lag_records'],
      latencyMs: latencyOf(visibility.window),
    },
    // Models are refreshed within the load that brings the rows: nothing waits between the two.
    {
      id: 'models',
      state: 'ok',
      eventsPerSecond: rowsPerSecond,
      lagRecords: 0,
      latencyMs: hops.latencyMs('models'),
    },
    {
      id: 'metrics',
      ...semanticState(semantic),
      queriesPerSecond: hops.perSecond('metrics'),
      latencyMs: hops.latencyMs('metrics'),
    },
    {
      id: 'live',
      state: 'ok',
      queriesPerSecond: hops.perSecond('live'),
      latencyMs: hops.latencyMs('live'),
      facts: [
        { label: 'viewers', value: viewers },
        { label: 'tiles', value: queries },
      ],
    },
  ];
}

function warehouseState(pump: LoaderPump): Pick<HopReport, 'state' | 'note'> {
  const state = pump.state;
  if (state.status === 'retrying')
    return { state: 'slow', note: `${state.error.message} ${state.error.remedy}` };
  if (state.status === 'failed')
    return { state: 'failed', note: `${state.error.message} ${state.error.remedy}` };
  return { state: 'ok' };
}

function semanticState(semantic: SemanticLayer | undefined): Pick<HopReport, 'state' | 'note'> {
  if (semantic === undefined) return { state: 'ok', note: 'The project has no semantic folder.' };
  const { status, reason } = semantic.state;
  return { state: status === 'ready' ? 'ok' : status, note: reason };
}

function identitiesOf(options: PipelineReportOptions, figures: Figures): IdentityReport[] {
  const { storedRecords, rows, rejectedRows, expiredRecords, lagRecords } = options.pump.identity();
  const term = (label: string, value: number) => ({ label, value });
  const figure = (name: string) => figures[name] ?? 0;
  const identities = [
    {
      whole: term('received', figure('received')),
      parts: [
        term('stored', figure('stored')),
        term('duplicate', figure('duplicates')),
        term('dead-lettered', figure('dead_lettered')),
      ],
    },
    {
      whole: term('stored', storedRecords),
      parts: [
        term('loaded', rows),
        term('lag', lagRecords),
        ...(rejectedRows > 0 ? [term('rejected rows', rejectedRows)] : []),
        ...(expiredRecords > 0 ? [term('expired', expiredRecords)] : []),
      ],
    },
  ];
  return identities.map(({ whole, parts }) => {
    const sum = parts.reduce((total, part) => total + part.value, 0);
    return { whole, parts, holds: sum === whole.value };
  });
}

function sourceOf(source: SourceStatus, nowMs: number) {
  const isSending = source.lastEventAtMs !== undefined && nowMs - source.lastEventAtMs < SILENT_AFTER_MS;
  const state = isSending ? 'sending' : source.probe.reachable ? 'silent' : 'unreachable';
  return {
    name: source.name,
    state,
    events: source.events,
    lastEventAtMs: source.lastEventAtMs,
    text: isSending ? undefined : source.probe.text,
  } as const;
}

function progressOf(companions: Companions): ProgressReport[] {
  return [...companions.progress()].map(([name, { label, done, total }]) => ({ name, label, done, total }));
}

function topicsOf(log: EventLog): PipelineReport['topics'] {
  return log
    .topics()
    .filter(({ topic }) => !/^__|-changelog$|-repartition$/.test(topic))
    .map(({ topic, partitions, keyed }) => {
      let records = 0;
      for (let partition = 0; partition < partitions; partition++) {
        const { startOffset, endOffset } = log.range(topic, partition);
        records += endOffset - startOffset;
      }
      return { topic, partitions, keyed, records };
    });
}
