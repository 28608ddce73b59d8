import type { MessagePort } from 'node:worker_threads';
import type { MetricQuery, SecurityContext } from '@millrace/core/semantic';
import type { ErrorMessage } from '@millrace/core/warehouse';
import type { CubeConfig } from './config.ts';

/** What the Cube thread is started with. */
export interface WorkerSettings {
  readonly config: CubeConfig;
  /** Where its HTTP server listens. */
  readonly socketPath: string;
  /** Its way to the warehouse thread. */
  readonly queries: MessagePort;
  /** What `TableVersions.share()` gave. */
  readonly tableVersions: SharedArrayBuffer;
}

export type WorkerCall =
  | { readonly method: 'load'; readonly query: MetricQuery; readonly securityContext: SecurityContext }
  | { readonly method: 'tablesOf'; readonly query: MetricQuery; readonly securityContext: SecurityContext }
  | { readonly method: 'meta'; readonly securityContext: SecurityContext }
  | { readonly method: 'reload' };

/** Main → Cube thread. */
export type WorkerRequest = WorkerCall & { readonly id: number };

/** Cube thread → main. */
export type WorkerReply =
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorMessage }
  /** The models that answer changed, or the files no longer give models. `error` absent: all is well. */
  | { readonly type: 'models'; readonly usable: boolean; readonly error?: ErrorMessage }
  | { readonly type: 'failed'; readonly error: ErrorMessage }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }
  | { readonly type: 'figures'; readonly figures: CacheFigures };

export interface CacheFigures {
  readonly hits: number;
  readonly misses: number;
  readonly bytes: number;
  readonly entries: number;
}
