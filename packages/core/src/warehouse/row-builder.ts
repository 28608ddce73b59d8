import { assert } from '../base/index.ts';
import type { AppendValue } from './append-session.ts';
import { INEXACT, parseExactly, UNFIT } from './column-encoder.ts';
import type { FieldColumn, RawTable } from './raw-table.ts';

/** Where a row comes from, for its system columns. */
export interface RowOrigin {
  readonly partition: number;
  receivedAtMs: number;
  offset: number;
}

/**
 * Collects events of one raw table as columns. The arrays are used again after `clear`, so memory stays where
 * the first full round left it.
 */
export class RowBuilder {
  readonly columns: readonly AppendValue[][];
  readonly #table: RawTable;
  #rowCount = 0;
  #nextSequence: number;

  constructor(table: RawTable, nextSequence: number) {
    this.#table = table;
    this.#nextSequence = nextSequence;
    this.columns = table.columns.map(() => []);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** The `ingest_seq` of the next row. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  clear(): void {
    this.#rowCount = 0;
  }

  /**
   * Adds one event, given as its JSON text; returns why it cannot be a row, or undefined when it was added.
   */
  add(text: string, origin: RowOrigin): string | undefined {
    let event: unknown;
    try {
      event = JSON.parse(text);
    } catch {
      return 'the value is no JSON';
    }
    if (typeof event !== 'object' || event === null || Array.isArray(event))
      return 'the value is no JSON object';
    let problem = this.#addFields(event as Readonly<Record<string, unknown>>);
    if (problem === INEXACT)
      problem = this.#addFields(parseExactly(text) as Readonly<Record<string, unknown>>);
    assert(problem !== INEXACT, 'a field that was parsed exactly must be exact');
    if (problem !== undefined) return problem;
    const { columns } = this;
    const table = this.#table;
    const row = this.#rowCount++;
    columns[table.sequenceAt]![row] = this.#nextSequence++;
    columns[table.receivedAtAt]![row] = origin.receivedAtMs;
    columns[table.partitionAt]![row] = origin.partition;
    columns[table.offsetAt]![row] = origin.offset;
    return undefined;
  }

  // Writes at the next row's place, which a row that is refused leaves to the one after it.
  #addFields(event: Readonly<Record<string, unknown>>): string | typeof INEXACT | undefined {
    const row = this.#rowCount;
    for (const field of this.#table.fields) {
      const value = field.encode(event[field.name]);
      if (value === INEXACT) return INEXACT;
      if (value === UNFIT) return unfit(field, event);
      if (value === null && field.isRequired) return `field '${field.name}' is missing`;
      this.columns[field.at]![row] = value;
    }
    return undefined;
  }
}

function unfit(field: FieldColumn, event: Readonly<Record<string, unknown>>): string {
  const value = JSON.stringify(event[field.name]) ?? 'undefined';
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  return `field '${field.name}' does not fit its column ${field.type}: ${shown}`;
}
