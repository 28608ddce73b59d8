import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { DataFile } from '@millrace/adapters/duckdb';
import { Command, InvalidArgumentError } from 'commander';
import { importFile, planImport, snakeCase } from '../import/index.ts';
import { ProgressLine } from './progress-line.ts';

interface ImportCommandOptions {
  readonly type: string | undefined;
  readonly time: string | undefined;
  readonly id: string | undefined;
  readonly url: string;
  readonly state: string | undefined;
}

export function importCommand(): Command {
  return new Command('import')
    .description('Sends the rows of a CSV, Parquet or NDJSON file as events to a running Millrace.')
    .argument('<file>', 'the data file')
    .option('--type <name>', 'event type (default: the name of the file)')
    .option('--time <column>', 'column with the event time (default: the first with times)')
    .option('--id <column>', 'column with a unique id (default: the number of the row)')
    .option('--url <url>', 'where Millrace listens', parseUrl, process.env['MILLRACE_URL'] ?? 'http://127.0.0.1:4400')
    .option('--state <file>', 'remembers how far it came, so that a stopped import goes on there')
    .addHelpText('after', '\nWhere keys are set, give one in MILLRACE_KEY.')
    .action((file: string, options: ImportCommandOptions) => runImport(resolve(file), options));
}

async function runImport(path: string, options: ImportCommandOptions): Promise<void> {
  await using file = await DataFile.open(path);
  const plan = planImport(file.columns, {
    eventType: options.type ?? snakeCase(basename(path).replace(/\.[^.]*$/, '')),
    timeColumn: options.time,
    idColumn: options.id,
  });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const fromRow = await readPosition(options.state, path);
  const line = new ProgressLine({ label: plan.eventType, total: file.rowCount, done: fromRow });
  const report = async (rows: number) => {
    line.update(rows);
    process.send?.({ type: 'progress', label: basename(path), done: rows, total: file.rowCount });
    if (options.state !== undefined) await writePosition(options.state, path, rows);
  };
  try {
    const key = process.env['MILLRACE_KEY'];
    const summary = await importFile({ file, plan, url: options.url, key, fromRow, signal: stop.signal, onProgress: report });
    line.end();
    console.log(`  ${summary.accepted} accepted, ${summary.duplicates} sent before, ${summary.rejected} rejected`);
    for (const complaint of summary.complaints) console.log(`  ${complaint}`);
    if (summary.rejected > 0) process.exitCode = 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    line.end();
    console.log('  Stopped; the same command goes on here.');
    process.exitCode = 130;
  } finally {
    process.disconnect?.();
  }
}

/** The position belongs to this very file: another size or time of change starts again. */
async function readPosition(state: string | undefined, path: string): Promise<number> {
  if (state === undefined) return 0;
  const saved = await readFile(state, 'utf8').then(JSON.parse, () => undefined) as { file: string; rows: number } | undefined;
  return saved?.file === (await identityOf(path)) ? saved.rows : 0;
}

async function writePosition(state: string, path: string, rows: number): Promise<void> {
  await mkdir(dirname(state), { recursive: true });
  await writeFile(state, JSON.stringify({ file: await identityOf(path), rows }));
}

async function identityOf(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return `${path} ${size} ${mtimeMs}`;
}

function parseUrl(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError('This is no address such as http://127.0.0.1:4400.');
  return text;
}
