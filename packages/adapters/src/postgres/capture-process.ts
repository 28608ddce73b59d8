import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Clock, silentLogger, silentMeter } from '@millrace/core/base';
import { openEmbeddedLog, type EventLog } from '@millrace/core/log';
import { checksum, nodeFileSystem } from '../disk/index.ts';
import { definePostgresSource, type PostgresSourceDefinition } from '@millrace/core/sources';
import { capturePostgres } from './index.ts';

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface CaptureArguments {
  readonly folder: string;
  readonly definition: PostgresSourceDefinition;
  readonly transactionBytesMax?: number;
}

export function openLogIn(folder: string): Promise<EventLog> {
  const parts = { clock: realClock, meter: silentMeter, logger: silentLogger };
  return openEmbeddedLog({ ...parts, folder, files: nodeFileSystem, checksum });
}

/** Captures into the log in `folder` until `signal` aborts. */
export async function captureInto(
  log: EventLog,
  { definition, transactionBytesMax }: Omit<CaptureArguments, 'folder'>,
  signal: AbortSignal,
): Promise<void> {
  const source = definePostgresSource(definition);
  const limit = transactionBytesMax === undefined ? {} : { transactionBytesMax };
  await capturePostgres({ source, log, clock: realClock, logger: silentLogger, ...limit }, signal);
}

/** A process of its own that captures, to be killed. */
export class CaptureProcess {
  readonly #child: ChildProcess;

  constructor(options: CaptureArguments) {
    const args = [import.meta.filename, JSON.stringify(options)];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** Undefined while it runs. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

if (process.argv[1] === import.meta.filename) {
  const options = JSON.parse(process.argv[2] ?? '') as CaptureArguments;
  const log = await openLogIn(options.folder);
  await captureInto(log, options, new AbortController().signal);
}
