import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Logger } from '@millrace/core/base';
import type { Companion } from '../project/index.ts';
import type { SourceProbeResult } from './source-directory.ts';

/** How far a companion's long work is, as it reports by a message `{type: 'progress', label, done, total}`. */
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
}

/** Where companions send events. */
export interface CompanionTarget {
  readonly url: string;
  /** An ingest key, where keys are set. */
  readonly key: string | undefined;
}

const STOP_GRACE_MS = 1500;
const RESTART_DELAY_MS = 2000;

/** The project's companion processes: started when the server listens, restarted when they fail, stopped with it. */
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
    const { projectFolder, stateFolder } = this.#options;
    const { url, key } = target;
    const child = fork(join(projectFolder, companion.script), [...(companion.args ?? [])], {
      cwd: projectFolder,
      env: {
        ...process.env,
        MILLRACE_URL: url,
        MILLRACE_STATE: stateFolder,
        ...(key === undefined ? {} : { MILLRACE_KEY: key }),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'json',
    });
    this.#running.set(companion.name, child);
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)));
    child.on('message', (message) => this.#receive(companion.name, message));
    child.on('exit', (code) => {
      this.#running.delete(companion.name);
      if (this.#stopping || code === 0) return;
      this.#options.logger.warn(`${companion.name} ended with ${code}, starting it again`, { complaint });
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.start(companion, target);
      }, RESTART_DELAY_MS);
      this.#timers.add(timer);
    });
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
