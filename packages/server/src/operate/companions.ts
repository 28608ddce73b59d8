import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Logger } from '@millrace/core/base';
import type { Companion } from '../project/index.ts';
import type { SourceProbeResult } from './source-directory.ts';

/**
 * How far a companion's long work is, as it reports by a message `{type: 'progress', label, done, total}`.
 */
export interface Progress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export interface CompanionsOptions {
  readonly projectFolder: string;
  /** Where companions may keep small files between starts. */
  readonly stateFolder: string;
  readonly logger: Logger;
  /** Pause before the first new start of one that failed; doubled with each failure. Default 2 s. */
  readonly restartDelayMs?: number;
}

/** Where companions send events. */
export interface CompanionTarget {
  readonly url: string;
  /** An ingest key, where keys are set. */
  readonly key: string | undefined;
}

const STOP_GRACE_MS = 1500;
const STDERR_GRACE_MS = 500;
const RESTART_DELAY_MS = 2000;
const RESTART_DELAY_MS_MAX = 60_000;
/** Who ran longer than this counts as well again. */
const STEADY_MS = 60_000;
/** Nothing but a change by hand helps, as the program's own commands say it. */
const EXIT_UNFIT = 2;
const PROGRAM = join(import.meta.dirname, '../main.ts');

interface Run {
  readonly target: CompanionTarget;
  /** How often it ended before, in a row. */
  readonly failures: number;
}

interface FailedRun extends Run {
  readonly startedMs: number;
  /** Exit code or signal. */
  readonly ended: number | NodeJS.Signals | null;
  readonly complaint: string;
}

/**
 * The project's companion processes: started when the server listens, restarted when they fail, stopped with
 * it.
 */
export class Companions {
  readonly #options: CompanionsOptions;
  readonly #running = new Map<string, ChildProcess>();
  readonly #progress = new Map<string, Progress>();
  readonly #listeners = new Set<() => void>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(options: CompanionsOptions) {
    this.#options = options;
  }

  start(companion: Companion, target: CompanionTarget): void {
    this.#start(companion, { target, failures: 0 });
  }

  #start(companion: Companion, run: Run): void {
    const { projectFolder, stateFolder } = this.#options;
    const { url, key } = run.target;
    const { name } = companion;
    const [script, args] =
      'command' in companion
        ? [PROGRAM, companion.command]
        : [join(projectFolder, companion.script), companion.args ?? []];
    const startedMs = performance.now();
    const child = fork(script, [...args], {
      cwd: projectFolder,
      env: {
        ...process.env,
        MILLRACE_URL: url,
        MILLRACE_STATE: stateFolder,
        ...(key === undefined ? {} : { MILLRACE_KEY: key }),
      },
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'json',
    });
    this.#running.set(name, child);
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)));
    child.on('message', (message) => this.#receive(name, message));
    child.on('error', (error) => (complaint += error.message));
    child.on('exit', (code, signal) => {
      this.#running.delete(name);
      if (this.#stopping || code === 0) return;
      // What it complained of may still be under way; a process of its own may hold the pipe open for good.
      const timer = this.#later(STDERR_GRACE_MS, () => ended());
      const ended = () => {
        clearTimeout(timer);
        this.#timers.delete(timer);
        child.off('close', ended);
        if (!this.#stopping) this.#failed(companion, { ...run, startedMs, ended: code ?? signal, complaint });
      };
      child.once('close', ended);
    });
  }

  #failed(companion: Companion, run: FailedRun): void {
    const { logger, restartDelayMs = RESTART_DELAY_MS } = this.#options;
    const { target, ended, complaint } = run;
    const { name } = companion;
    if (ended === EXIT_UNFIT && 'command' in companion) {
      logger.warn(`${name} ended, and is not started again`, { complaint });
      this.#forget(name);
      return;
    }
    const failures = performance.now() - run.startedMs > STEADY_MS ? 0 : run.failures;
    const delayMs = Math.min(RESTART_DELAY_MS_MAX, restartDelayMs * 2 ** failures);
    logger.warn(`${name} ended with ${ended}, starting it again`, { complaint, delayMs });
    this.#later(delayMs, () => this.#start(companion, { target, failures: failures + 1 }));
  }

  #later(delayMs: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }

  probe(name: string): SourceProbeResult {
    const child = this.#running.get(name);
    return child === undefined
      ? { reachable: false, text: 'its process is not running' }
      : { reachable: true, text: `its process ${child.pid} is running, but it sends nothing` };
  }

  /** By companion; an entry stays when its work is done. */
  progress(): ReadonlyMap<string, Progress> {
    return this.#progress;
  }

  /** True while one of them has long work to do. */
  isBusy(): boolean {
    for (const { done, total } of this.#progress.values()) if (done < total) return true;
    return false;
  }

  onProgress(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([...this.#running.values()].map(stopChild));
  }

  #receive(name: string, message: unknown): void {
    if (!isProgress(message)) return;
    this.#progress.set(name, { label: message.label, done: message.done, total: message.total });
    for (const listener of this.#listeners) listener();
  }

  /** Work that nobody goes on with is no progress. */
  #forget(name: string): void {
    if (this.#progress.delete(name)) for (const listener of this.#listeners) listener();
  }
}

function stopChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

function isProgress(message: unknown): message is Progress & { type: 'progress' } {
  const candidate = message as Partial<Progress & { type: string }> | null;
  return (
    typeof candidate === 'object' &&
    candidate?.type === 'progress' &&
    typeof candidate.label === 'string' &&
    Number.isFinite(candidate.done) &&
    Number.isFinite(candidate.total)
  );
}
