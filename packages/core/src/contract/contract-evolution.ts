import type { MillraceError } from '../base/index.ts';
import { checkCompatibility, compareColumns } from './compatibility.ts';
import { type ContractRecord, ownColumns } from './contract-record.ts';
import { fail } from './errors.ts';
import type { EventContract } from './event-contract.ts';
import type { Column, ColumnType } from './table-schema.ts';

/** What a project's contracts mean for a data folder that was opened with others. */
export interface ContractEvolution {
  /** One `CONTRACT_INCOMPATIBLE` for each event type that must not be opened as it is. */
  readonly refused: readonly MillraceError[];
  /** Event types that had a contract at the last start and have none now. */
  readonly gone: readonly ContractRecord[];
}

interface Reason {
  /** JSON pointer to the field; empty for the contract as a whole. */
  readonly path: string;
  readonly text: string;
}

/**
 * Compares contracts with those that the data was last opened with. Every recorded event type counts as one
 * that has events. `fileOf` says where a contract is written, for the messages.
 */
export function checkEvolution(
  records: readonly ContractRecord[],
  contracts: readonly EventContract[],
  fileOf: (contract: EventContract) => string | undefined,
): ContractEvolution {
  const refused = contracts.flatMap((contract) => {
    const reasons = reasonsAgainst(contract, records);
    return reasons.length === 0 ? [] : [refusal(contract, reasons, fileOf(contract))];
  });
  const names = new Set(contracts.map(({ name }) => name));
  return { refused, gone: records.filter(({ name, isGone }) => !isGone && !names.has(name)) };
}

/** One error that says it all, for a start; undefined when nothing is refused. */
export function refusalOf({ refused }: ContractEvolution): MillraceError | undefined {
  if (refused.length < 2) return refused[0];
  return fail('CONTRACT_INCOMPATIBLE', {
    message: refused.map(({ message }) => message).join('\n'),
    details: { events: refused.map(({ details }) => details) },
  });
}

function reasonsAgainst(contract: EventContract, records: readonly ContractRecord[]): Reason[] {
  const record = records.find(({ name }) => name === contract.name);
  const columns = columnsOf(contract.topic, records);
  const newer = { schema: contract.schema, columns: ownColumns(contract) };
  if (record === undefined) {
    return compareColumns(columns, newer.columns).map(({ path, message }) => ({ path, text: message }));
  }
  const isRaised = contract.version > record.version;
  const problems = checkCompatibility(
    { schema: record.schema, columns },
    newer,
    isRaised ? 'backward' : 'full',
  );
  const before = isRaised ? `version ${record.version}` : 'the contract of the last start';
  return [
    ...identityReasons(contract, record),
    ...problems.map(({ direction, path, message }) => {
      const reading =
        direction === 'backward'
          ? `an event of ${before} may not be readable`
          : `a reader of ${before} may not read new events: raise the version`;
      return { path, text: `${message || 'the event'} (${reading})` };
    }),
  ];
}

/** What no version can change, because stored events lie where they lie. */
function identityReasons(contract: EventContract, record: ContractRecord): Reason[] {
  const reasons: string[] = [];
  if (contract.version < record.version)
    reasons.push(`its version went back from ${record.version} to ${contract.version}`);
  if (contract.topic !== record.topic)
    reasons.push(`its topic was '${record.topic}' and is '${contract.topic}'`);
  if ((contract.key ?? null) !== record.key)
    reasons.push(`its key was ${quoted(record.key)} and is ${quoted(contract.key ?? null)}`);
  if (contract.idField !== record.idField)
    reasons.push(`its id field was '${record.idField}' and is '${contract.idField}'`);
  if (contract.timeField !== record.timeField)
    reasons.push(`its time field was '${record.timeField}' and is '${contract.timeField}'`);
  return reasons.map((text) => ({ path: '', text }));
}

/** Every column that the event types of a topic have ever given its table. */
function columnsOf(topic: string, records: readonly ContractRecord[]): Column[] {
  const columns = new Map<string, Column>();
  for (const record of records) {
    if (record.topic !== topic) continue;
    for (const [name, type] of Object.entries(record.columns)) {
      columns.set(name, { name, type: type as ColumnType, personal: false });
    }
  }
  return [...columns.values()];
}

function refusal(
  contract: EventContract,
  reasons: readonly Reason[],
  file: string | undefined,
): MillraceError {
  const { name, version } = contract;
  const place = file === undefined ? '' : ` (${file})`;
  const texts = reasons.map(({ text }) => text).join('; ');
  return fail('CONTRACT_INCOMPATIBLE', {
    message: `Event '${name}'${place}, version ${version}: ${texts}.`,
    details: { event: name, file, version, reasons },
  });
}

function quoted(key: string | null): string {
  return key === null ? 'none' : `'${key}'`;
}
