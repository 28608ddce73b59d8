import type { LiveMessage, LiveRequest } from '@millrace/core/live/reader';

export {
  knownOf,
  ReaderSet,
  readLive,
  waitingView,
  type LiveDelta,
  type LiveMessage,
  type LiveRequest,
  type LiveResult,
  type LiveRow,
  type LiveValue,
  type LiveView,
  type ReaderStatus,
} from '@millrace/core/live/reader';

/**
 * `GET /v1/live` answers with server-sent events: first `hello`, then messages (the default event type) and a
 * `heartbeat` now and then. Queries are asked for by `POST /v1/live/subscriptions`, or with the connection
 * itself by `?queries=` and a JSON array of requests.
 */
export type LiveStreamEvent =
  | { readonly event: 'hello'; readonly data: LiveHello }
  | { readonly event: 'message'; readonly data: LiveMessage }
  | { readonly event: 'heartbeat'; readonly data: LiveHeartbeat };

export interface LiveHello {
  /** Names this connection in `POST /v1/live/subscriptions`; known to nobody else. */
  readonly connection: string;
  readonly epoch: string;
  readonly nowMs: number;
  readonly heartbeatMs: number;
  readonly project: string;
  readonly version: string;
}

export interface LiveHeartbeat {
  readonly nowMs: number;
  /** By query id, the version sent last: a reader that holds another one has missed something. */
  readonly versions: Readonly<Record<string, number>>;
}

/** Body of `POST /v1/live/subscriptions`: the whole set of queries that the connection wants from now on. */
export interface LiveSubscriptions {
  readonly connection: string;
  /** Grows with each call of one connection; a lower one than seen before came late and is ignored. */
  readonly revision: number;
  readonly queries: readonly LiveRequest[];
}

/** How every route answers a failure. */
export interface ErrorReply {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}
