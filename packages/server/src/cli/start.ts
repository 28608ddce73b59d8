import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { loadProject } from '../project/index.ts';
import { lineLogger } from '../operate/index.ts';
import { runProject, type RunningProject } from '../run-project.ts';

interface StartOptions {
  readonly port: number | undefined;
  readonly host: string;
  readonly data: string | undefined;
  readonly project: string | undefined;
  readonly open: boolean;
  readonly companions: boolean;
}

const DEFAULT_PORT = 4400;

export function startCommand(): Command {
  return new Command('start')
    .description('Runs a project: ingest, log, streams, warehouse, models, metrics and the page.')
    .option('-p, --port <n>', `port of the page and the API (default: ${DEFAULT_PORT}, or the next free one)`, parsePort)
    .option('--host <address>', 'address to listen on; beyond loopback keys are required', '127.0.0.1')
    .option('-d, --data <dir>', 'where data is kept (default: .millrace/data in the project)')
    .option('--project <dir>', 'project folder (default: this folder, or the storefront example)')
    .option('--no-open', 'do not open the page in a browser')
    .option('--no-companions', 'do not start the companion processes of the project')
    .action((options: StartOptions) => start(options));
}

async function start(options: StartOptions): Promise<void> {
  const startedMs = performance.now();
  const project = await loadProject(options.project ?? defaultProject());
  const running = await runProject({
    project,
    dataFolder: resolve(options.data ?? join(project.folder, '.millrace', 'data')),
    host: options.host,
    port: options.port ?? DEFAULT_PORT,
    isPortFixed: options.port !== undefined,
    startCompanions: options.companions,
    cacheFolder: join(import.meta.dirname, '../../../../.millrace/cache'),
    logger: lineLogger('warn'),
    version: '0.1.0',
  });
  printTable(running, performance.now() - startedMs);
  if (options.open && process.stdout.isTTY) openBrowser(running.url);
  stopOnSignal(running);
}

/** This folder when it is a project, else the example that ships with Millrace. */
function defaultProject(): string {
  if (existsSync('millrace.config.ts')) return '.';
  return join(import.meta.dirname, '../../../../examples/storefront');
}

function printTable(running: RunningProject, startMs: number): void {
  const rows = running.parts.map(({ name, where, note }) => [name, where, note] as const);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column as 0 | 1].length)));
  console.log(`\n  Millrace runs ${running.projectName}, ready in ${(startMs / 1000).toFixed(1)} s\n`);
  for (const [name, where, note] of rows) {
    console.log(`  ${name.padEnd(widths[0] as number)}   ${where.padEnd(widths[1] as number)}   ${note}`);
  }
  console.log(`\n  Open ${running.url}   Stop with Ctrl-C\n`);
}

function stopOnSignal(running: RunningProject): void {
  let isStopping = false;
  const stop = async () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    const startedMs = performance.now();
    process.stdout.write('\n  Stopping …');
    await running.close();
    console.log(` done in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, nothing lost.`);
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  running.onFatal((error) => {
    console.error(`\n  Millrace stops: ${error.message}`);
    process.exit(1);
  });
}

function openBrowser(url: string): void {
  const opener = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open';
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
  // No browser is no failure: the address is printed.
  child.on('error', () => {});
  child.unref();
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('A port is 0 to 65535.');
  return port;
}
