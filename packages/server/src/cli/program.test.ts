import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createProgram } from './program.ts';

const main = join(import.meta.dirname, '../main.ts');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
});
after(() => rm(folder, { recursive: true, force: true }));

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { MILLRACE_LOG: _log, MILLRACE_URL: _url, MILLRACE_KEY: _key, ...rest } = process.env;
  return spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...rest, ...env },
    timeout: 60_000,
  });
}

test('every command has help: what it does, and every option and argument described', () => {
  const program = createProgram();
  const names = program.commands.map((command) => command.name());
  assert.deepEqual(names, ['start', 'init', 'check', 'compile', 'import', 'replay']);
  for (const command of program.commands) {
    const where = command.name();
    assert.match(command.description(), /^[A-Z].*\.$/, where);
    for (const option of command.options)
      assert.ok(option.description.length > 10, `${where} ${option.flags}`);
    for (const argument of command.registeredArguments) assert.ok(argument.description.length > 0, where);
    const text = command.helpInformation();
    assert.match(text, /Usage: millrace /, where);
    assert.match(text, /--verbose/, `${where} shows what holds for all`);
  }
});

test('a failure prints code, message and remedy, no stack, and exit code 2', () => {
  const { status, stderr } = run(['start', '--project', folder]);
  assert.equal(status, 2);
  assert.match(stderr, /PROJECT_NOT_FOUND: .*millrace\.config\.ts/);
  assert.match(stderr, /\nRemedy: .*millrace init/);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test('details of a failure are shown when they are asked for', () => {
  const verbose = run(['start', '--verbose', '--project', folder]);
  assert.match(verbose.stderr, /PROJECT_NOT_FOUND[\s\S]*\n\s+at /);
  const debug = run(['check', folder], { MILLRACE_LOG: 'debug' });
  assert.match(debug.stderr, /PROJECT_NOT_FOUND/);
});

test('arguments that mean nothing are refused with the way to the help', () => {
  const cases: [string[], RegExp][] = [
    [['strat'], /unknown command 'strat'[\s\S]*Did you mean start/],
    [['start', '--prot', '1'], /unknown option '--prot'/],
    [['start', '--port', '99999'], /A port is 0 to 65535/],
    [['start', '--log-level', 'loud'], /Allowed choices are debug, info, warn, error/],
    [['import'], /missing required argument 'file'/],
    [['import', 'x.csv', '--url', 'nowhere'], /This is no address/],
    [['import', 'x.csv', '--rows', '0'], /A number of rows is 1 or more/],
    [['init'], /missing required argument 'dir'/],
  ];
  for (const [args, reason] of cases) {
    const { status, stderr } = run(args);
    assert.equal(status, 1, args.join(' '));
    assert.match(stderr, reason);
    assert.match(stderr, /--help lists what there is/);
  }
});

test('compile says how to get dbt where there is none', async () => {
  const made = run(['init', 'project']);
  assert.equal(made.status, 0, made.stderr);
  const env = { MILLRACE_ENGINES: join(folder, 'no-engines'), PATH: folder, MILLRACE_DBT: '' };
  const { status, stderr } = run(['compile', 'project'], env);
  assert.equal(status, 2);
  assert.match(stderr, /DBT_NOT_FOUND[\s\S]*npm run engines/);
});

test('import of a file that is no data, replay without a server', async () => {
  await writeFile(join(folder, 'data.xlsx'), 'x');
  const imported = run(['import', 'data.xlsx']);
  assert.match(imported.stderr, /DATA_FILE_UNREADABLE: .*data\.xlsx[\s\S]*Remedy: .*\.csv/);
  assert.equal(imported.status, 2);
  const replayed = run(['replay', '--url', 'http://127.0.0.1:1']);
  assert.match(replayed.stderr, /CLI_SERVER_UNREACHABLE: http:\/\/127\.0\.0\.1:1/);
  assert.equal(replayed.status, 1);
});
