import { isMillraceError, type Clock } from '../../base/index.ts';
import type { QueryableStores, StoreRead, StoreRow } from '../../streams/index.ts';
import { fail } from '../errors.ts';
import type { LiveRow, LiveSource, LiveValue } from '../port.ts';
import { invalid, onlyFields, optionalCount, optionalText, textField } from './fields.ts';

/** The normal form of `{source: 'stream', store, key?, lastMs?, select?, order?, limit?}`. */
export interface StreamQuery {
  readonly store: string;
  readonly key: string | undefined;
  /** Windows that start within the last so many milliseconds of wall time. */
  readonly lastMs: number | undefined;
  /**
   * Column name and where it comes from: `key`, `windowStart`, `windowEnd`, `value`, or a path such as
   * `value.amount`.
   */
  readonly select: readonly (readonly [column: string, from: string])[];
  /** Sorted by these columns; without it newest windows first, then by key. */
  readonly order: readonly (readonly [column: string, direction: 'asc' | 'desc'])[];
  readonly limit: number;
}

export interface StreamSourceOptions {
  readonly stores: QueryableStores;
  readonly clock: Clock;
}

const entriesMax = 10_000;

/** What the streams hold right now: the committed state of a queryable store, as a table. */
export function streamSource({ stores, clock }: StreamSourceOptions): LiveSource<StreamQuery> {
  return {
    name: 'stream',
    check: checkStreamQuery,
    evaluate(query) {
      const { store, key, lastMs, limit, order, select } = query;
      const read: StoreRead = {
        limit: order.length > 0 ? entriesMax : limit,
        ...(key === undefined ? {} : { key }),
        ...(lastMs === undefined ? {} : { sinceMs: clock.nowMs() - lastMs }),
      };
      const rows = readStore(stores, store, read).map((entry) => rowOf(entry, select));
      if (order.length > 0) rows.sort(comparator(query));
      return Promise.resolve({
        columns: select.map(([column]) => column),
        rows: rows.slice(0, limit),
        watermarkMs: stores.streamTimeMs(store),
      });
    },
    watch({ store, lastMs }, changed) {
      const cancelStore = watchStore(stores, clock, { store, changed });
      if (lastMs === undefined) return cancelStore;
      const cancelSlide = every(clock, Math.min(60_000, Math.max(1_000, lastMs / 60)), changed);
      return () => {
        cancelStore();
        cancelSlide();
      };
    },
  };
}

function checkStreamQuery(asked: Readonly<Record<string, unknown>>): StreamQuery {
  onlyFields(asked, ['store', 'key', 'lastMs', 'select', 'order', 'limit']);
  const select = pairs(asked, 'select') ?? [
    ['key', 'key'],
    ['windowStart', 'windowStart'],
    ['value', 'value'],
  ];
  for (const [, from] of select) {
    if (!/^(key|windowStart|windowEnd|value(\.[\w$]+)*)$/.test(from)) {
      throw invalid(
        asked,
        `cannot select \`${from}\`: \`key\`, \`windowStart\`, \`windowEnd\`, \`value\` or \`value.name\``,
      );
    }
  }
  const order = pairs(asked, 'order') ?? [];
  for (const [column, direction] of order) {
    if (!select.some(([name]) => name === column))
      throw invalid(asked, `orders by \`${column}\`, which it does not select`);
    if (direction !== 'asc' && direction !== 'desc')
      throw invalid(asked, `orders \`asc\` or \`desc\`, not \`${direction}\``);
  }
  return {
    store: textField(asked, 'store'),
    key: optionalText(asked, 'key'),
    lastMs: optionalCount(asked, 'lastMs', 366 * 86_400_000),
    select,
    order: order as StreamQuery['order'],
    limit: optionalCount(asked, 'limit', 5_000) ?? 1_000,
  };
}

/**
 * A mapping, or a list of one-entry mappings or pairs: `{time: windowStart, n: value}` or `[[time,
 * windowStart], …]`.
 */
function pairs(asked: Readonly<Record<string, unknown>>, name: string): [string, string][] | undefined {
  const value = asked[name];
  if (value === undefined) return undefined;
  const list: unknown[] = Array.isArray(value)
    ? value.flatMap((item) => (Array.isArray(item) ? [item] : Object.entries(item ?? {})))
    : Object.entries(value ?? {});
  const valid = list.every((pair): pair is [string, string] => {
    return (
      Array.isArray(pair) &&
      pair.length === 2 &&
      pair.every((part) => typeof part === 'string' && part !== '')
    );
  });
  if (valid && list.length > 0 && list.length <= 50) return list;
  throw invalid(asked, `needs \`${name}\` as names with texts`);
}

function readStore(stores: QueryableStores, store: string, read: StoreRead): readonly StoreRow[] {
  try {
    return stores.read(store, read);
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'STREAMS_NO_SUCH_STORE') throw error;
    const names = stores.names().join(', ') || 'none';
    throw fail('LIVE_STORE_UNKNOWN', {
      message: `No store is named \`${store}\`. Stores: ${names}.`,
      cause: error,
    });
  }
}

/** A store may appear later, when its topology starts: looked for until it is there. */
function watchStore(
  stores: QueryableStores,
  clock: Clock,
  { store, changed }: { store: string; changed: () => void },
): () => void {
  if (stores.names().includes(store)) return stores.onChange(store, changed);
  let cancelStore = () => {};
  const cancelSearch = every(clock, 1_000, () => {
    if (!stores.names().includes(store)) return;
    cancelSearch();
    cancelStore = stores.onChange(store, changed);
    changed();
  });
  return () => {
    cancelSearch();
    cancelStore();
  };
}

/** Calls `callback` again and again until cancelled. */
function every(clock: Clock, periodMs: number, callback: () => void): () => void {
  let cancelled = false;
  let cancelNext = () => {};
  const plan = () => {
    cancelNext = clock.schedule(() => {
      callback();
      if (!cancelled) plan();
    }, periodMs);
  };
  plan();
  return () => {
    cancelled = true;
    cancelNext();
  };
}

function rowOf(entry: StoreRow, select: StreamQuery['select']): LiveRow {
  return select.map(([, from]) => {
    switch (from) {
      case 'key':
        return entry.key;
      case 'windowStart':
        return entry.windowStartMs ?? null;
      case 'windowEnd':
        return entry.windowEndMs ?? null;
      default:
        return plain(at(entry.value, from));
    }
  });
}

/** `value`, or a path below it. */
function at(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split('.').slice(1)) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

function plain(value: unknown): LiveValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : null;
}

function comparator({ order, select }: StreamQuery): (one: LiveRow, other: LiveRow) => number {
  const keys = order.map(([column, direction]) => ({
    index: select.findIndex(([name]) => name === column),
    sign: direction === 'asc' ? 1 : -1,
  }));
  return (one, other) => {
    for (const { index, sign } of keys) {
      const difference = compare(one[index] ?? null, other[index] ?? null);
      if (difference !== 0) return sign * difference;
    }
    return 0;
  };
}

function compare(one: LiveValue, other: LiveValue): number {
  if (one === other) return 0;
  if (one === null) return -1;
  if (other === null) return 1;
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return String(one) < String(other) ? -1 : 1;
}
