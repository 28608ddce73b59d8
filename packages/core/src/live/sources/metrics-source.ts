import { isMillraceError, type Clock } from '../../base/index.ts';
import { checkMetricQuery, type MetricQuery, type SemanticLayer } from '../../semantic/index.ts';
import { fail } from '../errors.ts';
import type { LiveSource } from '../port.ts';

export interface MetricsSourceOptions {
  readonly semantic: SemanticLayer;
  /**
   * Calls the listener after each commit, with the relations (`schema.table`) that changed. Returns the
   * cancellation.
   */
  readonly onTablesChanged: (listener: (tables: ReadonlySet<string>) => void) => () => void;
  readonly clock: Clock;
  /** Evaluations at the same time, so that loading always finds the warehouse free. Default 2. */
  readonly concurrencyMax?: number;
}

// "Today" moves without any new data.
const relativeRangeMs = 30_000;

/**
 * Metric queries over the warehouse: `{source: 'metrics', ...}` and the fields of Cube's REST query,
 * unchanged. Asked again when a relation changed that the query reads.
 */
export function metricsSource(options: MetricsSourceOptions): LiveSource<MetricQuery> {
  const { semantic, concurrencyMax = 2 } = options;
  return {
    name: 'metrics',
    contextual: true,
    concurrencyMax,
    check: normalQuery,
    async evaluate(query, context) {
      const { status, reason } = semantic.state;
      if (status === 'starting') {
        throw fail('LIVE_SOURCE_STARTING', { message: 'The semantic layer is starting.' });
      }
      if (status === 'failed') {
        throw fail('LIVE_EVALUATION_FAILED', { message: reason ?? 'The semantic layer could not start.' });
      }
      const { members, rows, watermarkMs } = await semantic.load(query, context);
      return { columns: members, rows, watermarkMs };
    },
    watch: (query, changed) => watchMetrics(options, query, changed),
  };
}

/**
 * Fields in one order, so that equal queries are one evaluation; inside `order` and lists the order has a
 * meaning.
 */
function normalQuery({ source: _source, ...asked }: Readonly<Record<string, unknown>>): MetricQuery {
  const checked = checkMetricQuery(asked);
  return Object.fromEntries(Object.entries(checked).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function watchMetrics(options: MetricsSourceOptions, query: MetricQuery, changed: () => void): () => void {
  const { clock, onTablesChanged, semantic } = options;
  let tables: ReadonlySet<string> | undefined;
  let cancelled = false;
  let cancelTimer = () => {};
  const learnTables = async () => {
    if (tables !== undefined || semantic.state.status !== 'ready') return;
    try {
      tables = await semantic.tablesOf(query);
    } catch (error) {
      // Until they are known every change counts; a malformed query is reported by its evaluation.
      if (!isMillraceError(error)) return;
    }
  };
  const cancelState = semantic.onStateChange(() => {
    tables = undefined;
    void learnTables();
    changed();
  });
  const cancelTables = onTablesChanged((names) => {
    if (tables === undefined || overlaps(tables, names)) changed();
  });
  const again = () => {
    changed();
    if (!cancelled) cancelTimer = clock.schedule(again, relativeRangeMs);
  };
  if (hasRelativeRange(query)) cancelTimer = clock.schedule(again, relativeRangeMs);
  void learnTables();
  return () => {
    cancelled = true;
    cancelState();
    cancelTables();
    cancelTimer();
  };
}

function overlaps(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  for (const name of other) {
    if (one.has(name)) return true;
  }
  return false;
}

function hasRelativeRange(query: MetricQuery): boolean {
  return (query.timeDimensions ?? []).some(
    ({ dateRange, compareDateRange }) =>
      typeof dateRange === 'string' || (compareDateRange ?? []).some((range) => typeof range === 'string'),
  );
}
