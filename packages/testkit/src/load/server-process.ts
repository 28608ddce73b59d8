import { type ChildProcess, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runtimeEnvironment, runtimeFlags } from 'millrace/launch';

export interface ServerProcessOptions {
  readonly project: string;
  readonly data: string;
  /** Further arguments of `millrace start`. */
  readonly args?: readonly string[];
  /** Default 60,000. */
  readonly startTimeoutMs?: number;
}

const MAIN = fileURLToPath(import.meta.resolve('millrace/main'));
const ROOT = dirname(dirname(dirname(dirname(MAIN))));

/** The real program in a process of its own, on a free port of the loopback. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Resolves when the server says where it listens; rejects with its output when it ends before. */
  static start(options: ServerProcessOptions): Promise<ServerProcess> {
    const { project, data, args = [], startTimeoutMs = 60_000 } = options;
    const command = [
      ...runtimeFlags,
      MAIN,
      'start',
      '--project',
      project,
      '--data',
      data,
      '--port',
      '0',
      '--no-open',
      ...args,
    ];
    const env = runtimeEnvironment(ROOT);
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], env });
    return new Promise((resolve, reject) => {
      let output = '';
      const settle = () => {
        clearTimeout(timer);
        child.off('exit', ended);
      };
      const fail = (reason: string) => {
        settle();
        child.kill('SIGKILL');
        reject(new Error(`${reason}:\n${output}`));
      };
      const ended = (code: number | null, signal: NodeJS.Signals | null) => {
        fail(`the server ended with ${code ?? signal}`);
      };
      const timer = setTimeout(() => fail('the server did not start in time'), startTimeoutMs);
      const read = (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-20_000);
        const url = /Open (http:\S+)/.exec(output)?.[1];
        if (url === undefined) return;
        settle();
        resolve(new ServerProcess(child, url));
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', ended);
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** SIGKILL: nothing is flushed, nobody is told. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** What Ctrl-C does. */
  stop(): Promise<void> {
    return this.#end('SIGINT');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.kill(signal);
    });
  }
}
