import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import fc from 'fast-check';
import { LiveHub } from './live-hub.ts';
import type { LiveMessage, LiveResult, LiveRow, LiveSource } from './port.ts';
import { ReaderSet } from './reader/index.ts';

/** The data: one table a query, changed by the test, outliving every server. */
class Tables implements LiveSource<string> {
  readonly name = 'tables';
  readonly #rows = new Map<string, LiveRow[]>();
  readonly #listeners = new Set<() => void>();
  readonly failing = new Set<string>();

  check(query: Readonly<Record<string, unknown>>): string {
    return String(query['table']);
  }

  answer(table: string): LiveResult {
    const rows = [...(this.#rows.get(table) ?? [])];
    return { columns: ['key', 'value'], rows, watermarkMs: rows.length };
  }

  evaluate(table: string): Promise<LiveResult> {
    return this.failing.has(table)
      ? Promise.reject(new Error('not now'))
      : Promise.resolve(this.answer(table));
  }

  watch(_table: string, changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  change(table: string, { kind, key, value }: { kind: string; key: number; value: number }): void {
    const rows = this.#rows.get(table) ?? [];
    this.#rows.set(table, rows);
    if (kind === 'append') rows.push([key, value]);
    else if (kind === 'prepend') rows.unshift([key, value]);
    else if (kind === 'drop') rows.shift();
    else if (rows.length > 0) rows[key % rows.length] = [key, value];
    for (const changed of this.#listeners) changed();
  }
}

type Wire =
  | { connection: number; message: LiveMessage }
  | { connection: number; versions: Record<string, number> };

/**
 * One viewer behind a line that delays, cuts, and loses single messages, in front of a server that restarts.
 */
class Line {
  readonly clock = new VirtualClock();
  readonly tables = new Tables();
  readonly readers = new ReaderSet();
  #hub: LiveHub;
  #epoch = 0;
  #connection = 0;
  #viewer: ReturnType<LiveHub['connect']> | undefined;
  #inFlight: Wire[] = [];

  constructor() {
    this.#hub = this.#newHub();
  }

  #newHub(): LiveHub {
    return new LiveHub({ sources: [this.tables], clock: this.clock, epoch: `epoch ${++this.#epoch}` });
  }

  connect(): void {
    this.disconnect();
    this.#viewer = this.#hub.connect({ wake: () => {} });
    this.#viewer.request(this.readers.requests(true));
  }

  disconnect(): void {
    if (this.#viewer === undefined) return;
    this.#viewer.close();
    this.#viewer = undefined;
    this.#connection++;
    this.#inFlight = [];
    this.readers.lose();
  }

  restart(): void {
    this.disconnect();
    this.#hub.close();
    this.#hub = this.#newHub();
  }

  /** The server writes what is due. */
  send(bytesMax: number): void {
    for (const text of this.#viewer?.take(bytesMax) ?? []) {
      this.#inFlight.push({ connection: this.#connection, message: JSON.parse(text) as LiveMessage });
    }
  }

  heartbeat(): void {
    if (this.#viewer === undefined) return;
    this.#inFlight.push({ connection: this.#connection, versions: this.#viewer.versions() });
  }

  lose(): void {
    this.#inFlight.shift();
  }

  receive(count: number): void {
    for (const wire of this.#inFlight.splice(0, count)) {
      const again =
        'message' in wire ? this.readers.receive(wire.message) : this.readers.compare(wire.versions);
      if (again) this.requestAgain();
    }
  }

  requestAgain(): void {
    this.#viewer?.request(this.readers.requests(false));
  }

  get connected(): boolean {
    return this.#viewer !== undefined;
  }

  get quiet(): boolean {
    return this.#inFlight.length === 0 && this.#viewer?.due !== true;
  }
}

const table = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      table,
      kind: fc.constantFrom('append', 'append', 'prepend', 'drop', 'replace'),
      key: fc.nat(20),
      value: fc.nat(3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(200) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('send' as const), bytesMax: fc.constantFrom(1, 300, 1e6) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('receive' as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('lose', 'connect', 'disconnect', 'restart', 'heartbeat') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('add', 'remove', 'fail', 'mend'), table }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play(line: Line, step: Step): Promise<void> {
  if ('ms' in step) return line.clock.advance(step.ms);
  if ('kind' in step) return line.tables.change(step.table, step);
  if ('bytesMax' in step) return line.send(step.bytesMax);
  if ('count' in step) return line.receive(step.count);
  if ('table' in step) {
    if (step.do === 'add') line.readers.add(step.table, { source: 'tables', table: step.table });
    else if (step.do === 'remove') line.readers.remove(step.table);
    else if (step.do === 'fail') line.tables.failing.add(step.table);
    else line.tables.failing.delete(step.table);
    line.requestAgain();
    return;
  }
  line[step.do]();
}

test('any mix of losses, reconnects, delays, failures and restarts ends equal to a fresh query', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
      const line = new Line();
      line.readers.add('a', { source: 'tables', table: 'a' });
      line.connect();
      for (const one of steps) await play(line, one);
      line.tables.failing.clear();
      await settle(line);
      for (const id of line.readers.ids()) {
        const view = line.readers.view(id);
        assert.equal(view?.status, 'current');
        assert.deepEqual(view.result, line.tables.answer(id));
      }
    }),
    { numRuns: 1_500 },
  );
});

/**
 * The line is whole again: connected or not before, everything due is sent and received, heartbeats included.
 */
async function settle(line: Line): Promise<void> {
  if (!line.connected) line.connect();
  for (let round = 0; round < 4; round++) {
    // Longer than the longest pause after a failure.
    await line.clock.advance(6_000);
    while (!line.quiet) {
      line.send(1e6);
      line.receive(1_000);
    }
    line.heartbeat();
    line.receive(1_000);
  }
}
