export interface ProgressLineOptions {
  readonly label: string;
  readonly total: number;
  /** Done before. Default 0. */
  readonly done?: number;
  /** Default: standard output. */
  readonly stream?: { readonly isTTY?: boolean; write(text: string): unknown };
  readonly nowMs?: () => number;
}

const BAR_WIDTH = 24;
const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 5000;

/** Progress of long work on one line of a terminal; a line every five seconds elsewhere. */
export class ProgressLine {
  readonly #options: Required<ProgressLineOptions>;
  readonly #startedMs: number;
  #shownMs = -Infinity;

  constructor(options: ProgressLineOptions) {
    this.#options = { done: 0, stream: process.stdout, nowMs: () => performance.now(), ...options };
    this.#startedMs = this.#options.nowMs();
  }

  update(done: number): void {
    const { label, total, done: first, stream, nowMs } = this.#options;
    const now = nowMs();
    const intervalMs = stream.isTTY ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (done < total && now - this.#shownMs < intervalMs) return;
    this.#shownMs = now;
    const seconds = Math.max(0.001, (now - this.#startedMs) / 1000);
    const rate = Math.round((done - first) / seconds);
    const left = rate > 0 && done < total ? `, ${Math.ceil((total - done) / rate)} s left` : '';
    const filled = total === 0 ? BAR_WIDTH : Math.round((done / total) * BAR_WIDTH);
    const bar = '█'.repeat(filled).padEnd(BAR_WIDTH, '░');
    const text = `  ${label} ${bar} ${grouped(done)} of ${grouped(total)}  ${grouped(rate)}/s${left}`;
    stream.write(stream.isTTY ? `\r\x1b[2K${text}` : `${text}\n`);
  }

  /** Leaves the line. */
  end(): void {
    if (this.#options.stream.isTTY) this.#options.stream.write('\n');
  }
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
