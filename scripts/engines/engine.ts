import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { completeMarkPath, engineFolder } from '@millrace/testkit/engines';
import { showProgress } from '../bootstrap/progress.mjs';

/** A real system that tests and trials use, installed outside the checkout. */
export interface Engine {
  readonly name: string;
  readonly version: string;
  /** Why it is not there yet; undefined when it is. */
  present(): string | undefined;
  /** Installs it, also after an installation that broke off. Throws an error whose message is for a user. */
  install(): Promise<void>;
  /** Starts it once, to see that it runs here; resolves to the line in which it says its version. */
  start(): Promise<string>;
}

export interface CommandOptions {
  /** Shown while it runs; silent without. */
  readonly label?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Ended after this long. Default 15 minutes. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end; resolves to what it printed, throws with the end of that when it fails. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  let output = '';
  const stop =
    options.label === undefined
      ? undefined
      : showProgress(process.stderr, (seconds) => `  ${options.label}: ${seconds} s  ${lastLine(output)}`);
  try {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 15 * 60_000,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-100_000);
      });
    }
    const ending = await new Promise<string>((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('close', (code, signal) => resolve(signal ?? (code === 0 ? '' : `exit code ${code}`)));
    });
    if (ending !== '')
      throw new Error(`${file} ${args.join(' ')}: ${ending}\n${output.trim().slice(-2_000)}`);
    return output;
  } finally {
    stop?.();
  }
}

function lastLine(text: string): string {
  return (
    text
      .trimEnd()
      .slice(-200)
      .split(/[\r\n]/)
      .at(-1) ?? ''
  );
}

/** Fills an engine's folder from empty; it counts as installed only when `fill` has ended well. */
export async function fillFolder(
  engine: Pick<Engine, 'name' | 'version'>,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = engineFolder(engine.name, engine.version);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await fill(folder);
  await writeFile(completeMarkPath(engine.name, engine.version), `${new Date().toISOString()}\n`);
}
