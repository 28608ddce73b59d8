import type { LiveMessage, LiveRequest } from '../port.ts';
import { knownOf, readLive, waitingView, type LiveView } from './live-view.ts';

type Query = Readonly<Record<string, unknown>>;

/**
 * All queries of one connection as their reader holds them. Pure state: sending and receiving are the
 * caller's.
 */
export class ReaderSet {
  readonly #queries = new Map<string, Query>();
  readonly #views = new Map<string, LiveView>();
  readonly #resync = new Set<string>();

  /** A query that was there keeps its view. An id is never used for another query. */
  add(id: string, query: Query): void {
    this.#queries.set(id, query);
    if (!this.#views.has(id)) this.#views.set(id, waitingView);
  }

  remove(id: string): void {
    this.#queries.delete(id);
    this.#views.delete(id);
    this.#resync.delete(id);
  }

  view(id: string): LiveView | undefined {
    return this.#views.get(id);
  }

  ids(): IterableIterator<string> {
    return this.#queries.keys();
  }

  /** True when the queries have to be requested (again): call `requests`. */
  receive(message: LiveMessage): boolean {
    const { query } = message;
    const before = this.#views.get(query);
    if (before === undefined) return false;
    const { view, resync } = readLive(before, { type: 'message', message });
    this.#views.set(query, view);
    if (!resync) {
      if (view.status === 'current') this.#resync.delete(query);
      return false;
    }
    const asked = this.#resync.has(query);
    this.#resync.add(query);
    return !asked;
  }

  /** Compares with what the server says it sent last; true when something was missed: call `requests`. */
  compare(versions: Readonly<Record<string, number>>): boolean {
    let missed = false;
    for (const [id, version] of Object.entries(versions)) {
      const view = this.#views.get(id);
      // One that still waits to hear that what it holds is current has missed just that.
      if (view === undefined || (view.version === version && view.status !== 'stale')) continue;
      this.#views.set(id, readLive(view, { type: 'lost' }).view);
      this.#resync.add(id);
      missed = true;
    }
    return missed;
  }

  /** The connection is gone: what is held is old from now on. */
  lose(): void {
    this.#resync.clear();
    for (const [id, view] of this.#views) this.#views.set(id, readLive(view, { type: 'lost' }).view);
  }

  /** The whole set for the server; `fresh` for the first request of a connection. */
  requests(fresh: boolean): LiveRequest[] {
    const requests: LiveRequest[] = [];
    for (const [id, query] of this.#queries) {
      const view = this.#views.get(id);
      const known = fresh ? view && knownOf(view) : this.#resync.has(id) ? null : undefined;
      requests.push(known === undefined ? { id, query } : { id, query, known });
    }
    return requests;
  }
}
