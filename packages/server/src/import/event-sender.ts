import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@millrace/core/base';
import { fail } from './errors.ts';

export interface EventSenderOptions {
  /** Base address of the server, such as `http://127.0.0.1:4400`. */
  readonly url: string;
  readonly key: string | undefined;
  readonly signal: AbortSignal;
  /** How long a server that cannot be reached, or is overloaded, is asked again. Default 30 s. */
  readonly patienceMs?: number;
}

/** What the server said of the events so far. */
export interface SenderTotals {
  accepted: number;
  duplicates: number;
  rejected: number;
  /** The first reasons why events were rejected. */
  readonly complaints: string[];
}

interface IngestReply {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly { readonly code: string; readonly message: string }[];
}

const BODY_BYTES_MAX = 8 << 20;
/** Of one UTF-16 unit as UTF-8. */
const UNIT_BYTES_MAX = 3;
const COMPLAINTS_MAX = 5;
const PATIENCE_MS = 30_000;

/** Sends NDJSON events to a server, one request after the other; asks again while it is not there. */
export class EventSender {
  readonly totals: SenderTotals = { accepted: 0, duplicates: 0, rejected: 0, complaints: [] };
  readonly #options: EventSenderOptions;
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(options: EventSenderOptions) {
    this.#options = options;
    this.#url = new URL('/v1/events', options.url).href;
    // History stays out of latency figures.
    this.#headers = { 'content-type': 'application/x-ndjson', 'x-source': 'import', 'x-replayed': '1' };
    if (options.key !== undefined) this.#headers['authorization'] = `Bearer ${options.key}`;
  }

  /** Resolves when the server has answered for all lines. `IMPORT_REFUSED`, `IMPORT_UNREACHABLE`. */
  async send(lines: readonly string[]): Promise<void> {
    let first = 0;
    let bytes = 0;
    for (let next = 0; next < lines.length; next++) {
      const lineBytes = (lines[next] as string).length * UNIT_BYTES_MAX + 1;
      if (bytes + lineBytes > BODY_BYTES_MAX && next > first) {
        await this.#post(lines.slice(first, next));
        first = next;
        bytes = 0;
      }
      bytes += lineBytes;
    }
    if (first < lines.length) await this.#post(lines.slice(first));
  }

  async #post(lines: readonly string[]): Promise<void> {
    const body = lines.join('\n');
    const { signal, url, patienceMs = PATIENCE_MS } = this.#options;
    const deadlineMs = performance.now() + patienceMs;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#request(body);
      if ('reply' in answer) return this.#count(answer.reply);
      if (answer.isTooLarge && lines.length > 1) {
        const half = lines.length >> 1;
        await this.#post(lines.slice(0, half));
        return this.#post(lines.slice(half));
      }
      const message = `${url}: ${answer.reason}`;
      if (!answer.isPassing) throw fail('IMPORT_REFUSED', { message });
      if (performance.now() > deadlineMs) throw fail('IMPORT_UNREACHABLE', { message });
      await sleep(answer.retryAfterMs ?? backoffMs(attempt), undefined, { signal });
    }
  }

  async #request(body: string): Promise<Answer> {
    const { signal } = this.#options;
    let response: Response;
    try {
      response = await fetch(this.#url, { method: 'POST', headers: this.#headers, body, signal });
      if (response.status === 202 || response.status === 422) {
        return { reply: (await response.json()) as IngestReply };
      }
      const text = (await response.text()).slice(0, 500);
      const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000;
      return {
        reason: `${response.status} ${text}`,
        isPassing: response.status === 429 || response.status >= 500,
        isTooLarge: response.status === 413,
        ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
      };
    } catch (error) {
      signal.throwIfAborted();
      // fetch hides why a connection failed in the cause.
      const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
      return { reason: messageOf(reason), isPassing: true, isTooLarge: false };
    }
  }

  #count(reply: IngestReply): void {
    this.totals.accepted += reply.accepted;
    this.totals.duplicates += reply.duplicates;
    this.totals.rejected += reply.rejected.length;
    for (const { code, message } of reply.rejected) {
      if (this.totals.complaints.length >= COMPLAINTS_MAX) return;
      this.totals.complaints.push(`${code}: ${message}`);
    }
  }
}

type Answer =
  | { readonly reply: IngestReply }
  | {
      readonly reason: string;
      readonly isPassing: boolean;
      readonly isTooLarge: boolean;
      readonly retryAfterMs?: number;
    };

function backoffMs(attempt: number): number {
  return Math.min(5000, 100 * 2 ** Math.min(attempt, 6));
}
