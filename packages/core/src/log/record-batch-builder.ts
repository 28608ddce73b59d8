// Skeleton: the log room completes it.
export class RecordBatchBuilder {
  constructor(_options: { createdAtMs: number; bytesHint?: number }) {}
  /** Appends one record; key or value may be null. */
  append(_key: Uint8Array | null, _value: Uint8Array | null, _headers?: readonly RecordHeader[]): void {}
  get count(): number { return 0; }
  get byteLength(): number { return 0; }
}
export interface RecordHeader { readonly key: string; readonly value: Uint8Array }
