import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReportedEvent } from './event-reporter.ts';

export interface FailedTest {
  readonly name: string;
  readonly error: string;
}

export interface SkippedTest {
  readonly name: string;
  readonly reason: string;
}

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: readonly FailedTest[];
  readonly skipped: readonly SkippedTest[];
  readonly durationMs: number;
  /** What the file printed; worth showing when it failed. */
  readonly output: string;
}

export interface FileRunOptions {
  readonly root: string;
  readonly timeoutMs: number;
}

const outputCharactersMax = 8_000;
const reporter = join(import.meta.dirname, 'event-reporter.ts');
const running = new Set<ChildProcess>();

/** Ends every test process that runs, with all that it started. */
export function killRunning(): void {
  for (const child of running) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    return; // Nothing of the group is left.
  }
}

/** Runs one test file in a process group of its own, so that nothing it starts outlives it. */
export async function runTestFile(file: string, options: FileRunOptions): Promise<FileResult> {
  const startedMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const events = join(folder, 'events.ndjson');
  try {
    const child = spawn(
      process.execPath,
      [`--test-reporter=${reporter}`, `--test-reporter-destination=${events}`, file],
      {
        cwd: options.root,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: process.platform !== 'win32',
        // Under `node --test` this would make the child report to that run, not to us.
        env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      },
    );
    running.add(child);
    const ending = await waitFor(child, options.timeoutMs);
    running.delete(child);
    const reported = parseEvents(await readFile(events, 'utf8').catch(() => ''));
    return summarize(reported, { file, ...ending, durationMs: performance.now() - startedMs });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Ending {
  /** Exit code or signal; `timeout` when we ended it. */
  readonly ending: number | string;
  readonly output: string;
}

function waitFor(child: ChildProcess, timeoutMs: number): Promise<Ending> {
  return new Promise((resolve) => {
    let output = '';
    let isTimeout = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-outputCharactersMax);
      });
    }
    const timer = setTimeout(() => {
      isTimeout = true;
      killGroup(child);
    }, timeoutMs);
    child.on('error', (error) => {
      output += error.message;
    });
    // A process that it left behind keeps the pipes open: end it, so that `close` comes.
    child.on('exit', () => killGroup(child));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ ending: isTimeout ? 'timeout' : (signal ?? code ?? 1), output });
    });
  });
}

export function parseEvents(text: string): ReportedEvent[] {
  const lines = text.split('\n');
  // A process that was killed may leave half a line at the end.
  lines.pop();
  return lines.map((line) => JSON.parse(line) as ReportedEvent);
}

/** Puts together what a file's tests reported and how its process ended: neither alone is to be believed. */
export function summarize(
  events: readonly ReportedEvent[],
  run: Ending & { readonly file: string; readonly durationMs: number },
): FileResult {
  const failed: FailedTest[] = [];
  const skipped: SkippedTest[] = [];
  let passed = 0;
  for (const event of events) {
    if (event.kind === 'passed') passed++;
    else if (event.kind === 'skipped') skipped.push({ name: event.name, reason: event.reason });
    else if (event.kind === 'failed') failed.push({ name: event.name, error: event.error });
  }
  const hasEnded = events.some((event) => event.kind === 'ended');
  const last = events.findLast((event) => event.kind !== 'ended')?.name;
  const fileProblem = problemOf({ hasEnded, ending: run.ending, last });
  const isExplained = failed.length > 0 && run.ending === 1 && hasEnded;
  if (fileProblem !== undefined && !isExplained) failed.push({ name: '(the file)', error: fileProblem });
  const { file, durationMs, output } = run;
  return { file, passed, failed, skipped, durationMs, output };
}

function problemOf(run: {
  hasEnded: boolean;
  ending: number | string;
  last: string | undefined;
}): string | undefined {
  if (run.ending === 'timeout') {
    const last = run.last ?? 'none';
    return `It was ended at its time limit: the last test that finished was ${last}, then it was kept alive.`;
  }
  if (!run.hasEnded) return `It ended (${run.ending}) before its tests did.`;
  if (run.ending !== 0) return `Its process ended with ${run.ending}.`;
  return run.last === undefined ? 'It has no test.' : undefined;
}
