import { CUBE_ERRORS } from '@millrace/adapters/cube';
import { DBT_ERRORS } from '@millrace/adapters/dbt';
import { DATA_FILE_ERRORS } from '@millrace/adapters/duckdb';
import { KAFKA_ERRORS } from '@millrace/adapters/kafka';
import { POSTGRES_ERRORS } from '@millrace/adapters/postgres';
import type { ErrorDefinition, ErrorKind } from '@millrace/core/base';
import { CONTRACT_ERRORS } from '@millrace/core/contract';
import { INGEST_ERRORS } from '@millrace/core/ingest';
import { LIVE_ERRORS } from '@millrace/core/live';
import { LOG_ERRORS } from '@millrace/core/log';
import { MODELS_ERRORS } from '@millrace/core/models';
import { SEMANTIC_ERRORS } from '@millrace/core/semantic';
import { SOURCES_ERRORS } from '@millrace/core/sources';
import { STREAMS_ERRORS } from '@millrace/core/streams';
import { WAREHOUSE_ERRORS } from '@millrace/core/warehouse';
import { CLI_ERRORS } from '../../packages/server/src/cli/index.ts';
import { HTTP_ERRORS } from '../../packages/server/src/http/index.ts';
import { IMPORT_ERRORS } from '../../packages/server/src/import/index.ts';
import { INIT_ERRORS } from '../../packages/server/src/init/index.ts';
import { PROJECT_ERRORS } from '../../packages/server/src/project/index.ts';

const ROOMS: Readonly<Record<string, Readonly<Record<string, ErrorDefinition>>>> = {
  'Project': PROJECT_ERRORS,
  'Contracts': CONTRACT_ERRORS,
  'HTTP': HTTP_ERRORS,
  'Ingest': INGEST_ERRORS,
  'Log': { ...LOG_ERRORS, ...KAFKA_ERRORS },
  'Sources': { ...SOURCES_ERRORS, ...POSTGRES_ERRORS },
  'Streams': STREAMS_ERRORS,
  'Warehouse': WAREHOUSE_ERRORS,
  'Models': { ...MODELS_ERRORS, ...DBT_ERRORS },
  'Metrics': { ...SEMANTIC_ERRORS, ...CUBE_ERRORS },
  'Live results': LIVE_ERRORS,
  'New projects': INIT_ERRORS,
  'Data files': { ...DATA_FILE_ERRORS, ...IMPORT_ERRORS },
  'Command line': CLI_ERRORS,
};

const KINDS: Readonly<Record<ErrorKind, string>> = {
  config: 'something must be set right before a start',
  input: 'this record or request only; others go on',
  transient: 'passes; the same may be tried again',
  fenced: 'somebody else owns this now',
  fatal: 'this part stops until somebody acts',
  aborted: 'it was asked to stop',
};

/** Every error code with its cause and remedy, as Markdown. */
export function errorReference(): string {
  const lines = [
    '# Errors',
    '',
    'Made by `node scripts/error-reference.ts` from the tables in the code.',
    '',
  ];
  for (const [kind, meaning] of Object.entries(KINDS)) lines.push(`- \`${kind}\`: ${meaning}`);
  for (const [room, table] of Object.entries(ROOMS)) {
    lines.push('', `## ${room}`, '', '| code | kind | what happened | what to do |', '|---|---|---|---|');
    for (const code of Object.keys(table).toSorted()) {
      const { kind, cause, remedy } = table[code] as ErrorDefinition;
      lines.push(`| \`${code}\` | ${kind} | ${cell(cause)} | ${cell(remedy)} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
