import { type ChangedRow, rowJson } from './change-envelope.ts';
import type { PgMessage, PgRelation, PgTuple, PgUpdate } from './pgoutput.ts';
import type { PgTypes } from './postgres-types.ts';

/** A row's change with the key of its record; without `row`, the tombstone of that key. */
export interface KeyedChange {
  /** JSON; null for a table without a key. */
  readonly key: string | null;
  readonly row: ChangedRow | undefined;
}

/** A table with what its records are keyed by. */
export interface CapturedTable {
  readonly relation: PgRelation;
  /** Names of the key's columns; empty for a table without. */
  readonly keyColumns: ReadonlySet<string>;
  readonly types: PgTypes;
}

type RowMessage = Extract<PgMessage, { kind: 'insert' | 'update' | 'delete' }>;

/**
 * The records of one message, as Debezium makes them: a delete brings a tombstone, and an update that
 * changes the key is a delete with its tombstone and a create.
 */
export function changesOf(message: RowMessage, table: CapturedTable): readonly KeyedChange[] {
  switch (message.kind) {
    case 'insert':
      return [created(message.after, table)];
    case 'delete':
      return deleted(message.before ?? message.oldKey ?? [], table);
    case 'update':
      return updated(message, table);
  }
}

/** A row of the snapshot. */
export function snapshotChange(tuple: PgTuple, table: CapturedTable): KeyedChange {
  const after = rowJson(table.relation, tuple, table);
  return { key: keyJson(tuple, table), row: { operation: 'r', before: 'null', after } };
}

/** All rows of the table are gone: a record without a key. */
export const TRUNCATED: KeyedChange = {
  key: null,
  row: { operation: 't', before: 'null', after: 'null' },
};

function created(tuple: PgTuple, table: CapturedTable): KeyedChange {
  const after = rowJson(table.relation, tuple, table);
  return { key: keyJson(tuple, table), row: { operation: 'c', before: 'null', after } };
}

function deleted(tuple: PgTuple, table: CapturedTable): KeyedChange[] {
  const key = keyJson(tuple, table);
  const before = rowJson(table.relation, tuple, table);
  const change: KeyedChange = { key, row: { operation: 'd', before, after: 'null' } };
  return key === null ? [change] : [change, { key, row: undefined }];
}

function updated(message: PgUpdate, table: CapturedTable): KeyedChange[] {
  const { before, oldKey } = message;
  const after = before === undefined ? message.after : filled(message.after, before);
  const key = keyJson(after, table);
  const old = before ?? oldKey;
  if (old !== undefined && keyJson(old, table) !== key)
    return [...deleted(old, table), created(after, table)];
  const row: ChangedRow = {
    operation: 'u',
    before: before === undefined ? 'null' : rowJson(table.relation, before, table),
    after: rowJson(table.relation, after, table),
  };
  return [{ key, row }];
}

/** What the update left unchanged, from the whole old row. */
function filled(after: PgTuple, before: PgTuple): PgTuple {
  return after.map((value, index) => (value === undefined ? before[index] : value));
}

function keyJson(tuple: PgTuple, { relation, keyColumns, types }: CapturedTable): string | null {
  if (keyColumns.size === 0) return null;
  return rowJson(relation, tuple, { types, keep: (name) => keyColumns.has(name) });
}
