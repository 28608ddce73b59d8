/**
 * `GET /v1/pipeline`, and the live query `{source: 'report', name: 'pipeline'}`. Each field is a section of
 * its own.
 */
export interface PipelineReport {
  /** In the order of an event's way. */
  readonly hops: readonly HopReport[];
  readonly identities: readonly IdentityReport[];
  readonly sources: readonly SourceReport[];
  readonly models: readonly ModelReport[];
  /** Long work under way or done since the start, such as a back-fill. */
  readonly progress: readonly ProgressReport[];
  /** Where more partitions are a fact that the page shows. */
  readonly topics: readonly TopicReport[];
  readonly process: ProcessReport;
}

export interface HopReport {
  readonly id: 'ingest' | 'log' | 'streams' | 'warehouse' | 'models' | 'metrics' | 'live';
  readonly state: 'ok' | 'starting' | 'slow' | 'failed';
  /** Why it is not `ok`, in words. */
  readonly note?: string | undefined;
  readonly eventsPerSecond?: number | undefined;
  /** Where queries go through instead of events. */
  readonly queriesPerSecond?: number | undefined;
  readonly lagRecords?: number | undefined;
  readonly latencyMs?: { readonly p50: number; readonly p99: number } | undefined;
  /** Further facts, shown as they are. */
  readonly facts?: readonly FactReport[] | undefined;
}

export interface FactReport {
  readonly label: string;
  readonly value: number | string;
  readonly unit?: 'ms' | 'bytes' | 'percent' | undefined;
}

/** `whole.value` is the sum of the parts, all the time. */
export interface IdentityReport {
  readonly whole: IdentityTerm;
  readonly parts: readonly IdentityTerm[];
  readonly holds: boolean;
}

export interface IdentityTerm {
  readonly label: string;
  readonly value: number;
}

export interface SourceReport {
  readonly name: string;
  readonly state: 'sending' | 'silent' | 'unreachable';
  readonly events: number;
  readonly lastEventAtMs?: number | undefined;
  /** What the last probe found. */
  readonly text?: string | undefined;
}

export interface ModelReport {
  readonly name: string;
  /** `schema.table`. */
  readonly relation: string;
  readonly materialized: string;
  /** How it is kept up to date. */
  readonly runs: 'by key' | 'append' | 'whole' | 'view' | 'not live';
  /** Why it runs that way, in words. */
  readonly reason: string;
  readonly lastRefreshMs?: number | undefined;
  readonly refreshedAtMs?: number | undefined;
  readonly rows?: number | undefined;
  /** A sample of keys compared with the full SQL. */
  readonly compared?:
    | { readonly keys: number; readonly differences: number; readonly atMs: number }
    | undefined;
}

export interface ProgressReport {
  readonly name: string;
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export interface TopicReport {
  readonly topic: string;
  readonly partitions: number;
  readonly keyed: boolean;
  readonly records: number;
}

export interface ProcessReport {
  readonly startedAtMs: number;
  readonly rssBytes: number;
  readonly eventLoopDelayMsP99?: number | undefined;
  readonly version: string;
}
