/** What a key costs in memory beside its bytes, about. */
const KEY_OVERHEAD_BYTES = 80;

/** The newest offset of each key, as far as there is room. */
export class LatestOffsets {
  readonly #bytesMax: number;
  readonly #offsets = new Map<string, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes note of a record; offsets come in order. False when there is no room for its key. */
  note(key: string, offset: number): boolean {
    if (!this.#offsets.has(key)) {
      const bytes = key.length + KEY_OVERHEAD_BYTES;
      if (this.#offsets.size > 0 && this.#bytes + bytes > this.#bytesMax) return false;
      this.#bytes += bytes;
    }
    this.#offsets.set(key, offset);
    return true;
  }

  /** True when the key has a newer record than the one at `offset`. */
  isSuperseded(key: string, offset: number): boolean {
    const latest = this.#offsets.get(key);
    return latest !== undefined && latest > offset;
  }
}

/** The current record's key, a character for each byte; undefined when it has none. */
export function keyOf(cursor: {
  readonly bytes: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
}): string | undefined {
  const { bytes, keyStart, keyEnd } = cursor;
  if (keyStart < 0) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', keyStart, keyEnd);
}
