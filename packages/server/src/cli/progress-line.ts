/** Progress of long work on one line of a terminal; a line every five seconds elsewhere. */
export class ProgressLine {
  readonly #label: string;
  readonly #total: number;
  readonly #stream: NodeJS.WriteStream;
  readonly #startedMs = performance.now();
  readonly #first: number;
  #shownMs = 0;

  constructor(options: { label: string; total: number; done?: number; stream?: NodeJS.WriteStream }) {
    this.#label = options.label;
    this.#total = options.total;
    this.#first = options.done ?? 0;
    this.#stream = options.stream ?? process.stdout;
  }

  update(done: number): void {
    const nowMs = performance.now();
    if (done < this.#total && nowMs - this.#shownMs < (this.#stream.isTTY ? 100 : 5000)) return;
    this.#shownMs = nowMs;
    const seconds = (nowMs - this.#startedMs) / 1000;
    const rate = Math.round((done - this.#first) / Math.max(seconds, 0.001));
    const left = rate > 0 ? ` ${Math.ceil((this.#total - done) / rate)} s left` : '';
    const share = this.#total === 0 ? 1 : done / this.#total;
    const bar = '█'.repeat(Math.round(share * 24)).padEnd(24, '░');
    const text = `${this.#label} ${bar} ${number(done)} of ${number(this.#total)}  ${number(rate)}/s${left}`;
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[2K  ${text}` : `  ${text}\n`);
  }

  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\n');
  }
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
