import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { VirtualClock } from '@millrace/testkit/clock';
import { EventHistory, ModelTrial, storefrontTables } from '@millrace/testkit/models';
import { seededRandom, type Logger, type Random } from '../base/index.ts';
import { parseManifest, type Manifest } from './manifest.ts';

const KILLS = 3;
const shipped = join(import.meta.dirname, '../../../../examples/storefront/models/compiled/manifest.json');

/** Every process begins its history anew, so that ids come again: the source may not promise that they do not. */
async function manifestOfRepeats(): Promise<Manifest> {
  const manifest = parseManifest(await readFile(shipped, 'utf8'));
  const sources = manifest.sources.map((source) => ({
    ...source,
    live: { ...source.live, uniqueBy: undefined },
  }));
  return { ...manifest, sources };
}

async function openTrial(file: string, logger?: Logger): Promise<ModelTrial> {
  const manifest = await manifestOfRepeats();
  const more = logger === undefined ? {} : { logger };
  return ModelTrial.open({ manifest, tables: storefrontTables, clock: new VirtualClock(), file, ...more });
}

/** Runs in a process of its own: loads without end, and tells of each commit. */
async function loadForever(file: string, seed: number): Promise<never> {
  const trial = await openTrial(file);
  const history = new EventHistory({ random: seededRandom(seed), repeats: true });
  for (;;) {
    const { rows, asOf } = history.next();
    await trial.load(rows, asOf);
    const [count] = await trial.session.rows('select count(*) from raw.raw_events');
    console.log(String(count?.[0]));
  }
}

async function killAndCheck(file: string, random: Random): Promise<void> {
  const seed = Math.floor(random.next() * 2 ** 31);
  const child = spawn(process.execPath, [import.meta.filename, 'load', file, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const commitsMin = 2 + Math.floor(random.next() * 6);
  let [commits, committedRows] = [0, 0];
  for await (const line of createInterface({ input: child.stdout })) {
    committedRows = Number(line);
    if (++commits < commitsMin || child.killed) continue;
    await sleep(random.next() * 80);
    child.kill('SIGKILL');
  }
  const [, signal] = (await exited) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'the process loaded until it was killed');

  const built: unknown[] = [];
  const note = (_message: string, fields?: Readonly<Record<string, unknown>>) => {
    if (fields?.['reason'] !== undefined) built.push(fields['model']);
  };
  await using trial = await openTrial(file, { debug: note, info: note, warn: note, error: note });
  assert.deepEqual(built, [], 'rows and models were committed together: nothing needs to be built');
  assert.deepEqual(await trial.differences(), []);
  const [count] = await trial.session.rows('select count(*) from raw.raw_events');
  assert.ok(Number(count?.[0]) >= committedRows, 'what was committed is there');
  const history = new EventHistory({ random: seededRandom(seed + 1), repeats: true });
  for (let step = 0; step < 3; step++) {
    const { rows, asOf } = history.next();
    await trial.load(rows, asOf);
    assert.deepEqual(await trial.differences(), [], 'loading goes on');
  }
}

if (process.argv[2] === 'load') {
  await loadForever(process.argv[3]!, Number(process.argv[4]));
} else {
  test('kill -9 while models are refreshed: tables equal their full SQL at the next start, and nothing is built', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-models-'));
    const seed = Math.floor(Math.random() * 2 ** 31);
    try {
      const random = seededRandom(seed);
      for (let kill = 0; kill < KILLS; kill++) await killAndCheck(join(folder, 'millrace.duckdb'), random);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
