import { applyDelta } from './delta.ts';
import type { LiveMessage, LiveResult } from '../port.ts';

/**
 * What a reader knows of one query. It never shows a wrong result as current: it shows none, or an old one as
 * `stale`.
 */
export interface LiveView {
  readonly status: ReaderStatus;
  readonly result?: LiveResult;
  readonly epoch?: string;
  readonly version?: number;
  readonly evaluatedAtMs?: number;
  /** Present in `starting` and `failed`. */
  readonly trouble?: { readonly code: string; readonly message: string; readonly remedy: string };
}

/**
 * ```
 *  waiting ──snapshot──▶ current ◀──snapshot or confirming delta── stale
 *     │                   │  ▲                                      ▲
 *     │ trouble           │  └── delta on its base                  │ connection lost, delta on
 *     ▼                   ▼                                         │ another base
 *  starting, failed ◀── trouble          (whatever is held) ────────┘
 * ```
 */
export type ReaderStatus = 'waiting' | 'current' | 'stale' | 'starting' | 'failed';

export type ReaderEvent =
  | { readonly type: 'message'; readonly message: LiveMessage }
  /** The connection is gone, or what the server says it sent last was never received. */
  | { readonly type: 'lost' };

export interface ReaderStep {
  readonly view: LiveView;
  /** The reader missed something: request the query again, with `known` of the view. */
  readonly resync: boolean;
}

export const waitingView: LiveView = { status: 'waiting' };

/** What happened, seen from what the reader holds. */
type Occasion = 'snapshot' | 'fittingDelta' | 'oddDelta' | 'starting' | 'failed' | 'lost';

// Every cell is said: a missing one does not compile. `drop` asks for a snapshot.
const table = {
  waiting: {
    snapshot: 'take',
    fittingDelta: 'drop',
    oddDelta: 'drop',
    starting: 'trouble',
    failed: 'trouble',
    lost: 'hold',
  },
  current: {
    snapshot: 'take',
    fittingDelta: 'apply',
    oddDelta: 'drop',
    starting: 'trouble',
    failed: 'trouble',
    lost: 'age',
  },
  stale: {
    snapshot: 'take',
    fittingDelta: 'apply',
    oddDelta: 'drop',
    starting: 'trouble',
    failed: 'trouble',
    lost: 'hold',
  },
  starting: {
    snapshot: 'take',
    fittingDelta: 'apply',
    oddDelta: 'drop',
    starting: 'trouble',
    failed: 'trouble',
    lost: 'age',
  },
  failed: {
    snapshot: 'take',
    fittingDelta: 'apply',
    oddDelta: 'drop',
    starting: 'trouble',
    failed: 'trouble',
    lost: 'age',
  },
} as const satisfies Record<ReaderStatus, Record<Occasion, Move>>;

type Move = 'take' | 'apply' | 'drop' | 'trouble' | 'age' | 'hold';

// `drop`: what is held stays on show, as stale, but is no base for anything more.
const moves: Readonly<Record<Move, (view: LiveView, event: ReaderEvent) => LiveView>> = {
  take: taken,
  apply: applied,
  trouble: troubled,
  age: aged,
  drop: forgotten,
  hold: (view) => view,
};

/** One step of a reader: pure and total, whatever arrives in whatever order. */
export function readLive(view: LiveView, event: ReaderEvent): ReaderStep {
  const move = table[view.status][occasionOf(view, event)];
  return { view: moves[move](view, event), resync: move === 'drop' };
}

function occasionOf(view: LiveView, event: ReaderEvent): Occasion {
  if (event.type === 'lost') return 'lost';
  const { message } = event;
  if (message.type === 'trouble') return message.state;
  if (message.type === 'snapshot') return 'snapshot';
  const fits = view.result !== undefined && message.epoch === view.epoch && message.base === view.version;
  return fits ? 'fittingDelta' : 'oddDelta';
}

function taken(view: LiveView, event: ReaderEvent): LiveView {
  if (event.type !== 'message' || event.message.type !== 'snapshot') return view;
  const { result, epoch, version, evaluatedAtMs } = event.message;
  return { status: 'current', result, epoch, version, evaluatedAtMs };
}

function applied(view: LiveView, event: ReaderEvent): LiveView {
  if (event.type !== 'message' || event.message.type !== 'delta' || view.result === undefined) return view;
  const { delta, epoch, version, evaluatedAtMs, base } = event.message;
  const result = base === version ? view.result : applyDelta(view.result, delta);
  return { status: 'current', result, epoch, version, evaluatedAtMs };
}

function troubled(view: LiveView, event: ReaderEvent): LiveView {
  if (event.type !== 'message' || event.message.type !== 'trouble') return view;
  const { state, code, message, remedy } = event.message;
  return { ...view, status: state, trouble: { code, message, remedy } };
}

function aged(view: LiveView): LiveView {
  const { trouble: _trouble, ...held } = view;
  return { ...held, status: view.result === undefined ? 'waiting' : 'stale' };
}

function forgotten(view: LiveView): LiveView {
  const { version: _version, epoch: _epoch, ...held } = aged(view);
  return held;
}

/** What to send as `known` when the query is requested (again). */
export function knownOf(view: LiveView): { epoch: string; version: number } | undefined {
  const { epoch, version } = view;
  return epoch === undefined || version === undefined ? undefined : { epoch, version };
}
