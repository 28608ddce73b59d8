import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '@millrace/testkit/clock';
import { drive, LogDisk, MemoryLog } from '@millrace/testkit/ingest';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { MillraceError, seededRandom } from '../base/index.ts';
import { ContractRegistry, defineEvent, Type } from '../contract/index.ts';
import { createIngest, type Ingest, type IngestReply } from './index.ts';

/*
 * Deduplication against a model, under everything that may happen: requests at the same time, commits that
 * are slow or fail, hours that pass, files that cannot be written, processes that are killed and machines
 * that lose power.
 */

const keyed = defineEvent({ name: 'keyed', version: 1, key: 'k', schema: Type.Object({ k: Type.String() }) });
const free = defineEvent({ name: 'free', version: 1, topic: 'free_events', schema: Type.Object({}) });
const registry = new ContractRegistry([keyed, free]);
const TOPICS = ['events', 'free_events'] as const;
const full = new MillraceError('LOG_BACKPRESSURE', { kind: 'transient', cause: 'full', remedy: 'wait' });

type Step =
  | { readonly kind: 'send'; readonly ids: readonly number[]; readonly isKeyed: boolean }
  | { readonly kind: 'commit'; readonly count: number; readonly isFailing: boolean }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'damage'; readonly operation: 'write' | 'sync' | 'rename'; readonly times: number }
  | { readonly kind: 'grow' }
  | {
      readonly kind: 'restart';
      readonly how: 'close' | 'process' | 'power';
      readonly stored: number;
      readonly losesCheckpoint: boolean;
    };

const send = fc.record({
  kind: fc.constant('send' as const),
  ids: fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }),
  isKeyed: fc.boolean(),
});
const commit = fc.record({
  kind: fc.constant('commit' as const),
  count: fc.integer({ min: 1, max: 4 }),
  isFailing: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
});
const pass = fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1500, 3_600_000) });
const damage = fc.record({
  kind: fc.constant('damage' as const),
  operation: fc.constantFrom('write' as const, 'sync' as const, 'rename' as const),
  times: fc.integer({ min: 1, max: 3 }),
});
const restart = fc.record({
  kind: fc.constant('restart' as const),
  how: fc.constantFrom('close' as const, 'process' as const, 'power' as const),
  stored: fc.nat(3),
  losesCheckpoint: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: send },
    { weight: 6, arbitrary: commit },
    { weight: 4, arbitrary: pass },
    { weight: 1, arbitrary: damage },
    { weight: 1, arbitrary: fc.constant({ kind: 'grow' as const }) },
    { weight: 1, arbitrary: restart },
  ),
  { minLength: 20, maxLength: 80, size: 'max' },
);

/** The world that survives restarts, and the process that runs in it. */
class Trial {
  readonly #clock = new VirtualClock();
  readonly #logDisk = new LogDisk();
  readonly #disk: SimulatedDisk;
  readonly #seed: number;
  #log: MemoryLog;
  #ingest!: Ingest;
  #starts = 0;
  #hours = 0;
  /** Answered requests: the ids that each was told are accepted, in all. */
  readonly #accepted = new Map<string, number>();
  readonly #answered: {
    readonly topic: string;
    readonly ids: readonly number[];
    readonly reply: IngestReply;
  }[] = [];

  constructor(seed: number) {
    this.#seed = seed;
    this.#disk = new SimulatedDisk({ random: seededRandom(seed) });
    this.#log = new MemoryLog(this.#clock, this.#logDisk);
  }

  async start(): Promise<void> {
    this.#log = new MemoryLog(this.#clock, this.#logDisk);
    const opening = createIngest({
      log: this.#log,
      registry,
      topics: { events: { partitions: 3 }, free_events: { partitions: 2 } },
      clock: this.#clock,
      random: seededRandom(this.#seed + this.#starts++),
      files: this.#disk.mount(),
      folder: '/dedup',
    });
    this.#ingest = await drive(this.#clock, opening);
    this.#log.hold();
  }

  async run(step: Step): Promise<void> {
    if (step.kind === 'send') this.#send(step.ids, step.isKeyed);
    else if (step.kind === 'commit') this.#log.release(step.count, step.isFailing ? full : undefined);
    else if (step.kind === 'damage')
      this.#disk.inject({ operation: step.operation, code: 'ENOSPC', times: step.times });
    else if (step.kind === 'grow') await this.#grow();
    else if (step.kind === 'restart') await this.#restart(step);
    else if (step.ms < 3_600_000 || this.#hours++ < 20) await this.#clock.advance(step.ms);
    for (let i = 0; i < 3; i++) await this.#clock.advance(0);
  }

  async finish(): Promise<void> {
    this.#disk.healAll();
    this.#log.unhold();
    for (let i = 0; i < 10; i++) await this.#clock.advance(0);
    this.#assertExactlyOnce();
    await this.#restart({ how: 'close', stored: 0, losesCheckpoint: false });
    this.#log.unhold();
    // Everything that is there is found again; everything else is taken.
    for (const isKeyed of [true, false]) {
      const present = this.#idsIn(isKeyed ? 'events' : 'free_events');
      const ids = Array.from({ length: 31 }, (_, id) => id);
      const reply = await drive(this.#clock, this.#request(ids, isKeyed));
      assert.equal(reply.duplicates, present.size);
      assert.equal(reply.accepted, 31 - present.size);
    }
  }

  #send(ids: readonly number[], isKeyed: boolean): void {
    const topic = isKeyed ? 'events' : 'free_events';
    const ingest = this.#ingest;
    this.#request(ids, isKeyed).then(
      (reply) => {
        this.#answered.push({ topic, ids, reply });
        const { received, stored, duplicates, deadLettered } = ingest.counts();
        assert.equal(received, stored + duplicates + deadLettered);
      },
      (error: unknown) => assert.equal((error as MillraceError).kind, 'transient'),
    );
  }

  #request(ids: readonly number[], isKeyed: boolean): Promise<IngestReply> {
    const event_type = isKeyed ? 'keyed' : 'free';
    const events = ids.map((id) => ({
      event_id: `id-${id}`,
      event_type,
      event_timestamp: 0,
      k: `k${id % 7}`,
    }));
    const body = Buffer.from(JSON.stringify(events));
    return this.#ingest.accept(body, { contentType: 'application/json', receivedAtMs: this.#clock.nowMs() });
  }

  async #grow(): Promise<void> {
    const { partitions } = this.#log.describe('free_events')!;
    if (partitions < 5) await this.#log.addPartitions('free_events', partitions + 1);
  }

  async #restart(step: {
    how: 'close' | 'process' | 'power';
    stored: number;
    losesCheckpoint: boolean;
  }): Promise<void> {
    if (step.how === 'close') {
      this.#log.unhold();
      await drive(this.#clock, this.#ingest.close());
    } else {
      this.#log.kill(step.stored);
      this.#disk.crash(step.how);
    }
    this.#disk.healAll();
    this.#assertExactlyOnce();
    if (step.losesCheckpoint) await this.#disk.mount().removeFolder('/dedup');
    await this.start();
  }

  #idsIn(topic: string): Set<string> {
    const ids = new Set<string>();
    for (const batches of this.#logDisk.topics.get(topic)?.partitions ?? []) {
      for (const record of batches.flatMap((batch) => batch.records())) {
        const { event_id: id } = JSON.parse(Buffer.from(record.value!).toString()) as { event_id: string };
        assert.ok(!ids.has(id), `${id} is in ${topic} twice`);
        ids.add(id);
      }
    }
    return ids;
  }

  /** No id is in the log twice; every answer was true. */
  #assertExactlyOnce(): void {
    const stored = new Map(TOPICS.map((topic) => [topic as string, this.#idsIn(topic)]));
    for (const { topic, ids, reply } of this.#answered.splice(0)) {
      assert.equal(reply.received, ids.length);
      assert.equal(reply.received, reply.accepted + reply.duplicates);
      for (const id of ids)
        assert.ok(stored.get(topic)!.has(`id-${id}`), `id-${id} was answered and is not in ${topic}`);
      const distinct = new Set(ids).size;
      assert.ok(reply.accepted <= distinct);
      this.#accepted.set(topic, (this.#accepted.get(topic) ?? 0) + reply.accepted);
    }
    for (const topic of TOPICS) assert.ok((this.#accepted.get(topic) ?? 0) <= stored.get(topic)!.size);
  }
}

test('every id is stored at most once, and every answer is true, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (sequence, seed) => {
      const trial = new Trial(seed);
      await trial.start();
      for (const step of sequence) await trial.run(step);
      await trial.finish();
    }),
    { numRuns: 400 },
  );
});
