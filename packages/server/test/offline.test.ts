import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../../..');

/**
 * Runs a script in a network namespace that has the loopback and nothing else; its last line is the counter.
 */
function runOffline(script: string): { output: string; refusedSends: number } {
  const count = "awk '/^Ip:/ && ++n == 2 {print $13}' /proc/net/snmp";
  const shell = `ip link set lo up && { ${script}; }; ${count}`;
  const { stdout, stderr, status } = spawnSync('unshare', ['--net', 'sh', '-c', shell], {
    cwd: root,
    encoding: 'utf8',
    timeout: 90_000,
  });
  assert.equal(status, 0, stderr);
  return { output: stdout, refusedSends: Number(stdout.trimEnd().split('\n').at(-1)) };
}

/** Undefined where a namespace can be made, else why not. */
function reasonToSkip(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux network namespaces';
  const { status, stderr, error } = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `cannot make a network namespace: ${(error?.message ?? stderr).trim()}`;
}

const skip = reasonToSkip() ?? false;

test('control: the kernel counts an attempt to leave the machine', { skip }, () => {
  const attempt = `${process.execPath} -e "require('net').connect(80, '192.0.2.1').on('error', () => {})"`;
  assert.ok(runOffline(attempt).refusedSends > 0);
});

test('the program starts, works and stops without one attempt to use the network', { skip }, async () => {
  const data = await mkdtemp(join(tmpdir(), 'millrace-offline-'));
  try {
    const { output, refusedSends } = runOffline(
      `${process.execPath} packages/server/test/offline-session.ts ${data}`,
    );
    assert.match(output, /events loaded, metrics answered/);
    assert.equal(refusedSends, 0, 'something tried to leave the machine');
  } finally {
    await rm(data, { recursive: true, force: true });
  }
});
