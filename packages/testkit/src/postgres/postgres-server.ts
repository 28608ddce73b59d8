import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { postgresNative } from '@millrace/testkit/engines';
import { freePorts } from '@millrace/testkit/kafka';

const run = promisify(execFile);
/** The server refuses to run as root. */
const NOBODY = 65_534;

/** Why there is no server; undefined when there is one. */
export function postgresAbsent(): string | undefined {
  const native = postgresNative();
  return 'absent' in native ? native.absent : undefined;
}

/** A server of its own, with an empty database `postgres`, on a free port of this machine. */
export class PostgresServer {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #port: number;

  private constructor(folder: string, process: ChildProcess, port: number) {
    this.#folder = folder;
    this.#process = process;
    this.#port = port;
  }

  /** `settings` are those of `postgresql.conf`. Default: logical replication, nothing forced to disk. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
    const native = postgresNative();
    if ('absent' in native) throw new Error(native.absent);
    const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-'));
    const isRoot = process.getuid?.() === 0;
    const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
    const data = join(folder, 'data');
    await mkdir(data);
    let home = native.path;
    if (isRoot) {
      // The engines of root lie where nobody else may look.
      home = join(folder, 'native');
      await cp(native.path, home, { recursive: true, verbatimSymlinks: true });
      await chmod(folder, 0o755);
      await chown(data, NOBODY, NOBODY);
    }
    const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    await run(join(home, 'bin', 'initdb'), initdb, { ...user, cwd: data });
    const [port = 0] = await freePorts(1);
    const all = { wal_level: 'logical', fsync: 'off', listen_addresses: '127.0.0.1', ...settings };
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const args = ['-D', data, '-p', String(port), '-c', 'unix_socket_directories=', ...flags];
    const child = spawn(join(home, 'bin', 'postgres'), args, {
      ...user,
      cwd: data,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await untilReady(child);
    return new PostgresServer(folder, child, port);
  }

  /** The address for a user; without a password, which the server does not ask for. */
  url(user = 'postgres'): string {
    return `postgres://${user}@127.0.0.1:${this.#port}/postgres`;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill('SIGINT');
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function untilReady(child: ChildProcess): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`the Postgres server ended:\n${output}`)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000);
      if (output.includes('ready to accept connections')) resolve();
    });
  });
}
