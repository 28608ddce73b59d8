import { fail } from './errors.ts';
import type { LiveFollower, LiveQuery, Trouble } from './live-query.ts';
import type { LiveRequest } from './port.ts';

/** What one query of one viewer has been sent. */
class Subscription implements LiveFollower {
  readonly id: string;
  readonly text: string;
  readonly query: LiveQuery | undefined;
  readonly rejected: Trouble | undefined;
  readonly #viewer: LiveViewer;
  /** The version that the viewer holds. */
  version: number | undefined;
  sentTrouble: Trouble | undefined;
  /** The viewer does not know whether what it holds is current. */
  unconfirmed = true;

  constructor(viewer: LiveViewer, request: LiveRequest, found: FoundQuery) {
    this.#viewer = viewer;
    this.id = request.id;
    this.text = JSON.stringify(request.query);
    this.query = found.query;
    this.rejected = found.rejected;
  }

  due(): void {
    this.#viewer.markDue(this);
  }

  /** Messages that bring the viewer up to date, as JSON texts. */
  take(epoch: string, into: string[]): void {
    const trouble = this.rejected ?? this.query?.trouble;
    const { query } = this;
    if (query !== undefined && this.#mayAnswer(query, trouble)) {
      const text = query.encode(this.version);
      if (text !== undefined) {
        into.push(`{"query":${JSON.stringify(this.id)},${text}`);
        this.version = query.version;
        this.unconfirmed = false;
        this.sentTrouble = undefined;
      }
    }
    if (trouble === undefined || trouble === this.sentTrouble) return;
    this.sentTrouble = trouble;
    into.push(JSON.stringify({ type: 'trouble', query: this.id, epoch, ...trouble }));
  }

  #mayAnswer(query: LiveQuery, trouble: Trouble | undefined): boolean {
    if (this.version === undefined) return true;
    // A reader that holds something is told that it is current only by an evaluation of its own time.
    if (!query.settled) return false;
    const recovered = trouble === undefined && this.sentTrouble !== undefined;
    return recovered || this.unconfirmed || query.version !== this.version;
  }
}

export interface FoundQuery {
  readonly query: LiveQuery | undefined;
  readonly rejected: Trouble | undefined;
}

export interface LiveViewerOptions {
  readonly epoch: string;
  /** Something is due after nothing was: call `take` when the connection can carry more. */
  readonly wake: () => void;
  readonly queriesMax: number;
  readonly find: (request: LiveRequest) => FoundQuery;
  readonly onChange: () => void;
  readonly onClose: (viewer: LiveViewer) => void;
}

/**
 * One connection's view of the hub. Nothing is queued for it: `take` computes, at the moment when the
 * connection can carry more, what leads from what was sent last to what is true now. A slow reader therefore
 * costs no memory and skips what it missed.
 */
export class LiveViewer {
  readonly #options: LiveViewerOptions;
  readonly #due = new Set<Subscription>();
  #subscriptions = new Map<string, Subscription>();
  #closed = false;

  /** @internal made by `LiveHub.connect` */
  constructor(options: LiveViewerOptions) {
    this.#options = options;
  }

  get due(): boolean {
    return this.#due.size > 0;
  }

  /**
   * Replaces the whole set of queries; those that stay the same go on. A refused one is answered with its
   * trouble. Throws `LIVE_TOO_MANY_QUERIES` and changes nothing when there are more than a viewer may have.
   */
  request(requests: readonly LiveRequest[]): void {
    if (this.#closed) return;
    const { queriesMax } = this.#options;
    if (requests.length > queriesMax) {
      throw fail('LIVE_TOO_MANY_QUERIES', {
        message: `${requests.length} live queries on one connection; it may have ${queriesMax}.`,
      });
    }
    const before = this.#subscriptions;
    this.#subscriptions = new Map();
    for (const request of requests) {
      if (this.#subscriptions.has(request.id)) continue;
      const kept = before.get(request.id);
      const same =
        kept !== undefined && kept.rejected === undefined && kept.text === JSON.stringify(request.query);
      const subscription = same ? kept : new Subscription(this, request, this.#options.find(request));
      if (same) before.delete(request.id);
      this.#subscriptions.set(request.id, subscription);
      this.#correct(subscription, request, same);
    }
    // The new ones follow first, so that a query that only changes its id is not let go in between.
    for (const gone of before.values()) {
      this.#due.delete(gone);
      gone.query?.unfollow(gone);
    }
    this.#options.onChange();
  }

  #correct(subscription: Subscription, request: LiveRequest, same: boolean): void {
    const { known } = request;
    if (known !== undefined || !same) {
      subscription.version = known?.epoch === this.#options.epoch ? known.version : undefined;
      subscription.unconfirmed = true;
      subscription.sentTrouble = undefined;
    }
    if (!same) subscription.query?.follow(subscription);
    this.markDue(subscription);
  }

  /** At most about `bytesMax` of messages (at least one when one is due), each a JSON text. */
  take(bytesMax: number): string[] {
    const messages: string[] = [];
    let bytes = 0;
    for (const subscription of this.#due) {
      if (bytes >= bytesMax) break;
      this.#due.delete(subscription);
      const before = messages.length;
      subscription.take(this.#options.epoch, messages);
      for (let i = before; i < messages.length; i++) bytes += (messages[i] as string).length;
    }
    return messages;
  }

  /** The version last sent of each query: a reader that holds another one has missed something. */
  versions(): Record<string, number> {
    const versions: Record<string, number> = {};
    for (const { id, version } of this.#subscriptions.values()) {
      if (version !== undefined) versions[id] = version;
    }
    return versions;
  }

  close(): void {
    if (this.#closed) return;
    this.request([]);
    this.#closed = true;
    this.#options.onClose(this);
  }

  /** @internal */
  markDue(subscription: Subscription): void {
    const idle = this.#due.size === 0;
    this.#due.add(subscription);
    if (idle) this.#options.wake();
  }
}
