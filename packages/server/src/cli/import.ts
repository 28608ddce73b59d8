import { basename, join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ProgressLine } from './progress-line.ts';
import { KEY_HELP, serverKey, serverOption } from './server-option.ts';

interface ImportCommandOptions {
  readonly type: string | undefined;
  readonly time: string | undefined;
  readonly id: string | undefined;
  readonly url: string;
  readonly state: string | undefined;
  readonly rows: number | undefined;
}

export function importCommand(): Command {
  return new Command('import')
    .description('Send the rows of a CSV, TSV, NDJSON or Parquet file as events to a running Millrace.')
    .argument('<file>', 'the data file')
    .option('--type <name>', 'event type (default: the name of the file)')
    .option('--time <column>', 'column with the event time (default: the one that looks like it)')
    .option('--id <column>', 'column with a unique id (default: file and number of the row)')
    .option('--rows <n>', 'only the first rows, to try it', parseCount)
    .addOption(serverOption())
    .option('--state <file>', 'remembers how far it came, so that a stopped import goes on there')
    .addHelpText(
      'after',
      `${KEY_HELP}\nExit code 2: rows were rejected; the server keeps them as dead letters.`,
    )
    .action((file: string, options: ImportCommandOptions) => runImport(resolve(file), options));
}

async function runImport(path: string, options: ImportCommandOptions): Promise<void> {
  const [{ DataFile }, { eventTypeOf, importFile, ImportPosition, planImport }] = await Promise.all([
    import('@millrace/adapters/duckdb'),
    import('../import/index.ts'),
  ]);
  const { rows: rowsMax } = options;
  await using file = await DataFile.open(path, rowsMax === undefined ? {} : { rowsMax });
  const plan = planImport(file.columns, {
    eventType: options.type ?? eventTypeOf(path),
    timeColumn: options.time,
    idColumn: options.id,
  });
  const fileName = basename(path);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const position = await ImportPosition.open(options.state ?? companionState(fileName), path);
  const line = new ProgressLine({ label: plan.eventType, total: file.rowCount, done: position.rows });
  const onProgress = async (rows: number) => {
    line.update(rows);
    process.send?.({ type: 'progress', label: fileName, done: rows, total: file.rowCount });
    await position.reach(rows);
  };
  try {
    await onProgress(position.rows);
    const { url } = options;
    const summary = await importFile({
      file,
      plan,
      fileName,
      url,
      key: serverKey(),
      fromRow: position.rows,
      signal: stop.signal,
      onProgress,
    });
    line.end();
    console.log(
      `  ${summary.accepted} accepted, ${summary.duplicates} sent before, ${summary.rejected} rejected`,
    );
    for (const complaint of summary.complaints) console.error(`  ${complaint}`);
    if (summary.rejected > 0) process.exitCode = 2;
  } catch (error) {
    line.end();
    if (!stop.signal.aborted) throw error;
    console.log('  Stopped; the same command goes on here.');
    process.exitCode = 130;
  }
}

/** Where an import that runs beside a project keeps its position. */
function companionState(fileName: string): string | undefined {
  const folder = process.env['MILLRACE_STATE'];
  return folder === undefined ? undefined : join(folder, `import-${fileName}.json`);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('A number of rows is 1 or more.');
  return count;
}
