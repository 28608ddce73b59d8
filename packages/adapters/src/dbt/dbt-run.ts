import { spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from './errors.ts';
import type { DbtCommand } from './dbt-command.ts';

export interface DbtRunOptions {
  readonly command: DbtCommand;
  /** The folder that holds dbt_project.yml and profiles.yml. */
  readonly projectFolder: string;
  /**
   * The database file; its stem is the catalog that compiled SQL names. No other process may have it open.
   */
  readonly warehouseFile: string;
  /** Where dbt writes what it compiled, and its log: never into the project. */
  readonly targetFolder: string;
}

/** Lines of dbt's output that an error message carries. */
const TAIL_LINES = 30;

/**
 * Runs a dbt command (`['build', '--full-refresh']`) and returns what it printed. Nothing is sent anywhere:
 * telemetry and version check are off.
 * @throws DBT_NO_PROJECT, DBT_FAILED
 */
export async function runDbt(args: readonly string[], options: DbtRunOptions): Promise<string> {
  const { command, projectFolder, warehouseFile, targetFolder } = options;
  await access(join(projectFolder, 'dbt_project.yml')).catch((cause: unknown) => {
    throw fail('DBT_NO_PROJECT', { message: `${projectFolder} holds no dbt_project.yml.`, cause });
  });
  const folders = [
    '--target-path',
    targetFolder,
    '--log-path',
    targetFolder,
    '--profiles-dir',
    projectFolder,
  ];
  const quiet = [
    '--no-version-check',
    '--no-send-anonymous-usage-stats',
    '--no-use-colors',
    '--no-partial-parse',
  ];
  const env = {
    ...process.env,
    MILLRACE_DUCKDB: warehouseFile,
    DO_NOT_TRACK: '1',
    DBT_SEND_ANONYMOUS_USAGE_STATS: 'False',
    DBT_VERSION_CHECK: 'False',
  };
  const ended = await runProcess([command.dbt, ...args, ...quiet, ...folders], { cwd: projectFolder, env });
  if (ended.code === 0) return ended.output;
  throw failed(`dbt ${args.join(' ')}`, ended);
}

/** Runs statements on the database file with the DuckDB of dbt's own environment. */
export async function runSql(sql: string, options: DbtRunOptions): Promise<void> {
  const script = 'import duckdb, sys\nduckdb.connect(sys.argv[1]).execute(sys.stdin.read())';
  const args = [options.command.python, '-c', script, options.warehouseFile];
  const ended = await runProcess(args, { cwd: options.projectFolder, env: process.env, input: sql });
  if (ended.code !== 0) throw failed('a statement on the temporary warehouse', ended);
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function failed(what: string, { code, output }: Ended): Error {
  const tail = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  return fail('DBT_FAILED', { message: `${what} ended with ${code}:\n${tail}`, details: { code } });
}

function runProcess(
  [program = '', ...args]: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; input?: string },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (chunk: string) => (output += chunk);
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    // A process that ends before reading all is told by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
