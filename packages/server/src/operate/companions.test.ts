import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Logger } from '@millrace/core/base';
import { Companions, type Progress } from './companions.ts';

const target = { url: 'http://127.0.0.1:1', key: 'secret' };

async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-companions-'));
  const warnings: { message: string; fields: Readonly<Record<string, unknown>> | undefined }[] = [];
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const look of waiting) look();
  };
  const logger: Logger = {
    debug() {},
    info() {},
    warn(message, fields) {
      warnings.push({ message, fields });
      changed();
    },
    error() {},
  };
  const companions = new Companions({
    projectFolder: folder,
    stateFolder: folder,
    logger,
    restartDelayMs: 10,
  });
  companions.onProgress(changed);
  t.after(async () => {
    await companions.stop();
    await rm(folder, { recursive: true, force: true });
  });
  /** Resolves when the condition holds, looked at after each warning and each report of progress. */
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const script = async (text: string) => {
    await writeFile(join(folder, 'script.mjs'), text);
    return { name: 'helper', script: 'script.mjs' };
  };
  return { folder, companions, warnings, until, script };
}

const progressOf = (companions: Companions): Progress | undefined => companions.progress().get('helper');
const send = (done: number) => `process.send({ type: 'progress', label: 'x', done: ${done}, total: 10 });`;

test('a script gets the address, the key and a place for its state, and says how far it is', async (t) => {
  const { folder, companions, until, script } = await setUp(t);
  const companion = await script(`
    import { writeFileSync } from 'node:fs';
    const { MILLRACE_URL, MILLRACE_KEY, MILLRACE_STATE } = process.env;
    writeFileSync('seen.json', JSON.stringify([MILLRACE_URL, MILLRACE_KEY, MILLRACE_STATE, process.argv.slice(2)]));
    process.send({ type: 'other' });
    process.send(null);
    ${send(3)}
    setInterval(() => {}, 1000);`);
  companions.start({ ...companion, args: ['a', 'b'] }, target);
  await until(() => progressOf(companions)?.done === 3);
  assert.deepEqual(progressOf(companions), { label: 'x', done: 3, total: 10 });
  assert.equal(companions.isBusy(), true);
  assert.equal(companions.probe('helper').reachable, true);
  const seen: unknown = JSON.parse(await readFile(join(folder, 'seen.json'), 'utf8'));
  assert.deepEqual(seen, [target.url, target.key, folder, ['a', 'b']]);
  await companions.stop();
  assert.equal(companions.probe('helper').reachable, false);
});

test('one that fails is started again, with what it complained of in the log', async (t) => {
  const { companions, warnings, until, script } = await setUp(t);
  const companion = await script(`
    import { existsSync, writeFileSync } from 'node:fs';
    if (!existsSync('tried')) {
      writeFileSync('tried', '');
      console.error('the shop is closed');
      process.exit(7);
    }
    ${send(10)}
    setInterval(() => {}, 1000);`);
  companions.start(companion, target);
  await until(() => progressOf(companions)?.done === 10);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]?.message ?? '', /helper ended with 7/);
  assert.match(String(warnings[0]?.fields?.['complaint']), /the shop is closed/);
  assert.equal(companions.isBusy(), false);
});

test('the pause before a new start grows with each failure', async (t) => {
  const { companions, warnings, until, script } = await setUp(t);
  companions.start(await script('process.exit(1)'), target);
  await until(() => warnings.length === 3);
  assert.deepEqual(
    warnings.map(({ fields }) => fields?.['delayMs']),
    [10, 20, 40],
  );
});

test('a command that would only fail again is not started again, and its progress is gone', async (t) => {
  const { folder, companions, warnings, until } = await setUp(t);
  const command = { name: 'helper', command: ['import', join(folder, 'absent.csv')] };
  companions.start(command, target);
  await until(() => warnings.length === 1);
  assert.match(warnings[0]?.message ?? '', /not started again/);
  assert.match(String(warnings[0]?.fields?.['complaint']), /DATA_FILE_UNREADABLE/);
  assert.equal(companions.progress().size, 0);
});

test('one that does not heed the request to stop is ended', async (t) => {
  const { companions, until, script } = await setUp(t);
  companions.start(
    await script(`process.on('SIGTERM', () => {}); ${send(1)} setInterval(() => {}, 1000);`),
    target,
  );
  await until(() => progressOf(companions) !== undefined);
  await companions.stop();
  assert.equal(companions.probe('helper').reachable, false);
});
