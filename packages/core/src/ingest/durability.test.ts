import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@millrace/testkit/clock';
import { drive, recordsOf } from '@millrace/testkit/ingest';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { isMillraceError, seededRandom, silentLogger, silentMeter, type Random } from '../base/index.ts';
import { ContractRegistry, defineEvent, Type } from '../contract/index.ts';
import { openEmbeddedLog, type EventLog } from '../log/index.ts';
import { createIngest, type Ingest } from './index.ts';

/* Ingest on the embedded log, on a disk that loses power or fills up at any operation. */

const SEEDS = 60;
const ROUNDS = 4;
const REQUESTS = 12;

const order = defineEvent({
  name: 'order',
  version: 1,
  key: 'user',
  schema: Type.Object({ user: Type.String() }),
});
const registry = new ContractRegistry([order]);

class Machine {
  readonly clock = new VirtualClock();
  readonly disk: SimulatedDisk;
  readonly random: Random;
  log!: EventLog;
  ingest!: Ingest;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.disk = new SimulatedDisk({ random: seededRandom(seed + 1000) });
  }

  async start(): Promise<void> {
    const { clock, random } = this;
    const files = this.disk.mount();
    const limits = { journalFileBytes: 256 * 1024, segmentBytes: 256 * 1024 };
    const log = { folder: '/log', files, clock, meter: silentMeter, logger: silentLogger, limits };
    this.log = await drive(clock, openEmbeddedLog(log));
    const options = { log: this.log, registry, clock, random, files, folder: '/dedup' };
    this.ingest = await drive(clock, createIngest(options));
  }

  send(ids: readonly number[]) {
    const events = ids.map((id) => {
      return { event_id: `order-${id}`, event_type: 'order', event_timestamp: 0, user: `u${id % 5}` };
    });
    const options = { contentType: 'application/json', receivedAtMs: this.clock.nowMs() };
    return this.ingest.accept(Buffer.from(JSON.stringify(events)), options);
  }

  /**
   * Requests at the same time until all are answered or the power has failed; returns the ids answered for.
   */
  async load(batches: readonly (readonly number[])[]): Promise<Set<number>> {
    const answered = new Set<number>();
    const sending = batches.map(async (ids) => {
      try {
        const { received, accepted, duplicates } = await this.send(ids);
        assert.equal(received, accepted + duplicates);
        for (const id of ids) answered.add(id);
      } catch (error) {
        assert.ok(isMillraceError(error) && ['transient', 'fatal'].includes(error.kind), String(error));
      }
    });
    await drive(this.clock, Promise.race([Promise.all(sending), this.disk.crashed]));
    return answered;
  }

  /** The ids in the log; asserts that each is there once. */
  async stored(): Promise<Set<number>> {
    const ids = new Set<number>();
    for (const { value } of await drive(this.clock, recordsOf(this.log, 'events'))) {
      const id = Number((JSON.parse(value!) as { event_id: string }).event_id.slice('order-'.length));
      assert.ok(!ids.has(id), `order-${id} is stored twice`);
      ids.add(id);
    }
    return ids;
  }
}

for (const kind of ['power', 'full disk'] as const) {
  test(`what was answered is there once, whatever happens to the disk: ${kind}`, async () => {
    let failures = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const machine = new Machine(seed);
      const { random, disk } = machine;
      const answered = new Set<number>();
      await machine.start();
      for (let round = 0; round < ROUNDS; round++) {
        const batches = Array.from({ length: REQUESTS }, () => {
          return Array.from({ length: 1 + Math.floor(random.next() * 8) }, () =>
            Math.floor(random.next() * 200),
          );
        });
        const half = Math.floor(REQUESTS / 2);
        for (const id of await machine.load(batches.slice(0, half))) answered.add(id);
        await machine.clock.advance(random.next() < 0.5 ? 1500 : 0);
        if (kind === 'power') disk.crashAtStep = disk.steps + 1 + Math.floor(random.next() * 40);
        else disk.inject({ operation: 'write', code: 'ENOSPC', times: 1 + Math.floor(random.next() * 3) });
        const before = answered.size;
        for (const id of await machine.load(batches.slice(half))) answered.add(id);
        if (answered.size - before < new Set(batches.slice(half).flat()).size) failures++;
        disk.crashAtStep = Infinity;
        disk.healAll();
        disk.crash(kind === 'power' ? 'power' : 'process');
        await machine.start();
        const stored = await machine.stored();
        for (const id of answered) assert.ok(stored.has(id), `seed ${seed}: order-${id} is lost`);
      }
      // Everything once more: exactly what is missing is taken.
      const { size } = await machine.stored();
      const everything = await drive(machine.clock, machine.send(Array.from({ length: 200 }, (_, id) => id)));
      assert.deepEqual([everything.duplicates, everything.accepted], [size, 200 - size], `seed ${seed}`);
      assert.equal((await machine.stored()).size, 200);
    }
    assert.ok(failures > SEEDS, `only ${failures} requests met a failure`);
  });
}
