import { relative } from 'node:path';
import { Command } from 'commander';
import type { CreatedProject } from '../init/index.ts';

interface InitCommandOptions {
  readonly from: string | undefined;
  readonly time: string | undefined;
}

export function initCommand(): Command {
  return new Command('init')
    .description('Make a project of your own, or one for a data file.')
    .argument('<dir>', 'a new or empty folder')
    .option(
      '--from <file>',
      'CSV, TSV, NDJSON or Parquet file: derives events, a model, metrics and a dashboard',
    )
    .option('--time <column>', 'column of the file with the event time (default: the one that looks like it)')
    .addHelpText(
      'after',
      '\nThe project starts at once: its models are compiled, and Millrace is linked into it.',
    )
    .action(async (folder: string, options: InitCommandOptions) => {
      const { createProject } = await import('../init/index.ts');
      const { from, time } = options;
      const created = await createProject({
        folder,
        ...(from === undefined ? {} : { dataFile: from }),
        ...(time === undefined ? {} : { timeColumn: time }),
      });
      console.log(summaryOf(created));
    });
}

function summaryOf({ folder, plan, timeColumn, files }: CreatedProject): string {
  const list = (names: readonly { readonly name: string }[]) =>
    names.map(({ name }) => name).join(', ') || 'none';
  const place = relative(process.cwd(), folder) || '.';
  const derived =
    plan.dataFile === undefined
      ? []
      : [
          `  event        ${plan.eventType}, ${plan.fields.length} fields, its time from ${timeColumn ?? 'the import'}`,
          `  dimensions   ${list(plan.dimensions)}`,
          `  measures     ${list(plan.measures)}`,
          '',
        ];
  const start =
    plan.dataFile === undefined
      ? 'npm start'
      : `npm start     imports ${plan.dataFile} and opens the dashboard`;
  const steps = [...(place === '.' ? [] : [`cd ${place}`]), start];
  return [
    '',
    `  ${plan.name}: ${files.length} files in ${folder}`,
    '',
    ...derived,
    '  Next:',
    '',
    ...steps.map((step) => `    ${step}`),
    ...(plan.dataFile === undefined
      ? ['', '  and in another terminal send it an event:', '', exampleRequest(plan.eventType)]
      : []),
    '',
  ].join('\n');
}

function exampleRequest(eventType: string): string {
  return `    curl http://127.0.0.1:4400/v1/events -H 'content-type: application/json' -d '{
      "event_id": "first", "event_type": "${eventType}", "event_timestamp": "'$(date -u +%FT%TZ)'",
      "page": "/hello", "country": "DE", "duration_ms": 320 }'`;
}
