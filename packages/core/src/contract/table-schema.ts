export type ColumnType =
  | 'varchar'
  | 'bigint'
  | 'double'
  | 'boolean'
  | 'timestamp'
  | 'date'
  | 'json'
  | `decimal(${number},${number})`;

export interface Column {
  /** snake_case; the field's name in the event. */
  readonly name: string;
  readonly type: ColumnType;
  /** Personal data: the loader and exports may treat it apart. */
  readonly personal: boolean;
}

/**
 * The raw table of one topic: the union of the fields of its event types, and the system columns
 * `ingest_seq bigint` (commit order), `received_at timestamp`, `log_partition integer`, `log_offset bigint`.
 */
export interface TableSchema {
  readonly topic: string;
  /** `raw_<topic>`, in schema `raw`. */
  readonly table: string;
  readonly columns: readonly Column[];
  /** Column with the event id. */
  readonly idColumn: string;
  /** Column with the event time. */
  readonly timeColumn: string;
}
