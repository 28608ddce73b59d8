import type { EventEmitter } from 'node:events';

export interface StopSignalOptions {
  /** Where the signals arrive. Default: this process. */
  readonly signals?: EventEmitter;
  readonly nowMs?: () => number;
  /** The first signal. */
  readonly stop: () => void;
  /** Somebody does not want to wait. */
  readonly force: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** A terminal signals the whole group, and a launcher hands the signal on: one Ctrl-C may come twice. */
const SAME_REQUEST_MS = 1000;

/** Calls `stop` at the first signal and `force` at a later one. */
export function onStopSignal({
  signals = process,
  nowMs = () => performance.now(),
  stop,
  force,
}: StopSignalOptions): void {
  let firstMs: number | undefined;
  const receive = () => {
    if (firstMs === undefined) {
      firstMs = nowMs();
      stop();
    } else if (nowMs() - firstMs > SAME_REQUEST_MS) {
      force();
    }
  };
  for (const signal of SIGNALS) signals.on(signal, receive);
}
