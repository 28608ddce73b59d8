import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { RunningProject } from '../run-project.ts';
import { CHECKOUT } from './checkout.ts';
import { failureText } from './failure.ts';
import { KAFKA_HELP, type LogOptions, logOptions, logPort } from './log-option.ts';
import { onStopSignal } from './stop-signal.ts';
import { VERSION } from './version.ts';

type LogLevel = 'debug' | 'info' | 'warn' | 'error';

interface StartOptions extends LogOptions {
  readonly port: number | undefined;
  readonly host: string;
  readonly data: string | undefined;
  readonly project: string | undefined;
  readonly open: boolean;
  readonly companions: boolean;
  readonly logLevel: LogLevel;
}

const DEFAULT_PORT = 4400;

export function startCommand(): Command {
  return new Command('start')
    .description('Run a project: ingest, log, streams, warehouse, models, metrics and the page.')
    .option(
      '-p, --port <n>',
      `port of the page and the API (default: ${DEFAULT_PORT}, or the next free one)`,
      parsePort,
    )
    .option('--host <address>', 'address to listen on; beyond loopback keys are required', '127.0.0.1')
    .option(
      '-d, --data <dir>',
      'where data is kept (default: .millrace/data in the project; with Kafka .millrace/data-kafka)',
    )
    .addOption(logOptions.log())
    .addOption(logOptions.brokers())
    .option('--project <dir>', 'project folder (default: this folder, or the storefront example)')
    .option('--no-open', 'do not open the page in a browser')
    .option('--no-companions', 'do not start the companion processes of the project')
    .addOption(
      new Option('--log-level <level>', 'what is written to standard error')
        .choices(['debug', 'info', 'warn', 'error'])
        .env('MILLRACE_LOG')
        .default('warn'),
    )
    .addHelpText(
      'after',
      `${KAFKA_HELP}\nCtrl-C stops it; nothing that was accepted is lost, however it ends.`,
    )
    .action((options: StartOptions) => start(options));
}

async function start(options: StartOptions): Promise<void> {
  const startedMs = performance.now();
  const [{ dataFolderOf, loadProject }, { lineLogger }, { runProject }] = await Promise.all([
    import('../project/index.ts'),
    import('../operate/index.ts'),
    import('../run-project.ts'),
  ]);
  const log = await logPort(options, process.env);
  const project = await loadProject(options.project ?? defaultProject());
  const running = await runProject({
    project,
    dataFolder: resolve(options.data ?? dataFolderOf(project.folder, options.log)),
    host: options.host,
    port: options.port ?? DEFAULT_PORT,
    isPortFixed: options.port !== undefined,
    startCompanions: options.companions,
    cacheFolder: join(CHECKOUT, '.millrace', 'cache'),
    logger: lineLogger(options.logLevel),
    version: VERSION,
    ports: log === undefined ? {} : { log },
  });
  // Before anybody reads that Ctrl-C stops it.
  stopOnSignal(running);
  printTable(running, performance.now() - startedMs);
  if (options.open && process.stdout.isTTY) openBrowser(running.url);
  running.onFatal((error) => {
    console.error(`\n  Millrace stops. ${failureText(error, options.logLevel === 'debug')}`);
    process.exit(1);
  });
}

/** This folder when it is a project, else the example that ships with Millrace. */
function defaultProject(): string {
  if (existsSync('millrace.config.ts')) return '.';
  return join(CHECKOUT, 'examples', 'storefront');
}

function printTable(running: RunningProject, startMs: number): void {
  const names = Math.max(...running.parts.map(({ name }) => name.length));
  const places = Math.max(...running.parts.map(({ where }) => where.length));
  console.log(`\n  Millrace runs ${running.projectName}, ready in ${seconds(startMs)} s\n`);
  for (const { name, where, note } of running.parts) {
    console.log(`  ${name.padEnd(names)}   ${where.padEnd(places)}   ${note}`);
  }
  console.log(`\n  Open ${running.url}   Stop with Ctrl-C\n`);
}

function stopOnSignal(running: RunningProject): void {
  const stop = async () => {
    const startedMs = performance.now();
    process.stdout.write('\n  Stopping …');
    try {
      await running.close();
      console.log(` done in ${seconds(performance.now() - startedMs)} s, nothing lost.`);
      process.exit(0);
    } catch (error) {
      console.error(`\n  ${failureText(error, true)}`);
      process.exit(1);
    }
  };
  onStopSignal({
    stop: () => void stop(),
    force: () => {
      console.error('\n  Stopped at once; the next start recovers.');
      process.exit(1);
    },
  });
}

function openBrowser(url: string): void {
  const { platform, env } = process;
  // Without a display a text browser would take the terminal.
  if (platform === 'linux' && env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined) return;
  const opener = { darwin: 'open', win32: 'explorer' }[platform as string] ?? 'xdg-open';
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
  // No browser is no failure: the address is printed.
  child.on('error', () => {});
  child.unref();
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('A port is 0 to 65535.');
  return port;
}
