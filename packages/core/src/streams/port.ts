/** One entry of a queryable state store. */
export interface StoreRow {
  readonly key: string;
  /** Present on windowed stores. */
  readonly windowStartMs?: number;
  readonly windowEndMs?: number;
  readonly value: unknown;
}

export interface StoreRead {
  readonly key?: string;
  /** Windows that start at or after this. */
  readonly sinceMs?: number;
  /** Windows that start before this. */
  readonly untilMs?: number;
  /** Default 1,000. Newest windows first, then by key. */
  readonly limit?: number;
}

/** Interactive queries: what the streams hold right now (committed state only). */
export interface QueryableStores {
  names(): readonly string[];
  /** `STREAMS_NO_SUCH_STORE` for an unknown name. */
  read(store: string, read: StoreRead): readonly StoreRow[];
  /**
   * The stream time of the task behind the store: the highest event time it has processed; undefined before
   * the first.
   */
  streamTimeMs(store: string): number | undefined;
  /** Called after a commit that changed the store. Returns the cancellation. */
  onChange(store: string, listener: () => void): () => void;
}
