import { assert } from '../base/index.ts';

const NAME_BYTES_MAX = 120;
const COUNT_AT = 0;
/**
 * Version of all relations without a slot of their own: a change of any of them counts as a change of each.
 */
const SHARED_VERSION_AT = 1;
const HEADER_WORDS = 2;
const VERSION_IN_SLOT = 0;
const LENGTH_IN_SLOT = 1;
const NAME_IN_SLOT = 2;
const SLOT_WORDS = NAME_IN_SLOT + NAME_BYTES_MAX / 4;
const CAPACITY_DEFAULT = 512;

/**
 * Data versions of relations (`schema.table`) in shared memory: the thread that owns the data raises them
 * after each commit, every thread reads them without asking. A version starts at 0 and grows; compare for
 * equality only (32 bits: at twenty commits a second one repeats after three years). Relations may be added
 * later by the thread that raises; beyond the capacity, and for names over 120 bytes, they share one version:
 * never stale, only less selective.
 *
 * @example
 * ```ts
 * const versions = new TableVersions(['raw.raw_events']);
 * const worker = new Worker(file, { workerData: { versions: versions.share() } });
 * // in the worker:
 * TableVersions.from(workerData.versions).bump('raw.raw_events');
 * ```
 */
export class TableVersions {
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly #slots = new Map<string, number>();

  /** `capacity`: how many relations can have a version of their own. Default 512 (64 KiB). */
  constructor(tables: readonly string[], options: { capacity?: number; memory?: SharedArrayBuffer } = {}) {
    const bytes = (HEADER_WORDS + (options.capacity ?? CAPACITY_DEFAULT) * SLOT_WORDS) * 4;
    this.#memory = options.memory ?? new SharedArrayBuffer(bytes);
    this.#words = new Int32Array(this.#memory);
    this.#capacity = Math.floor((this.#words.length - HEADER_WORDS) / SLOT_WORDS);
    assert(this.#capacity > 0, 'memory for table versions is too small for one table');
    for (const table of tables) this.add(table);
  }

  /** The versions behind memory that `share()` gave, in any thread. */
  static from(memory: SharedArrayBuffer): TableVersions {
    return new TableVersions([], { memory });
  }

  share(): SharedArrayBuffer {
    return this.#memory;
  }

  /**
   * Gives a relation a version of its own, 0. For the thread that raises versions; known ones are left as
   * they are.
   */
  add(table: string): void {
    if (this.#slotOf(table) !== undefined) return;
    const name = new TextEncoder().encode(table);
    const index = Atomics.load(this.#words, COUNT_AT);
    if (index >= this.#capacity || name.length > NAME_BYTES_MAX) return;
    const slot = HEADER_WORDS + index * SLOT_WORDS;
    new Uint8Array(this.#memory, (slot + NAME_IN_SLOT) * 4, NAME_BYTES_MAX).set(name);
    this.#words[slot + LENGTH_IN_SLOT] = name.length;
    // Last, so that a reader who sees the count sees the name.
    Atomics.store(this.#words, COUNT_AT, index + 1);
    this.#slots.set(table, slot);
  }

  /** Raises the version of a relation, adding it when it is new. Call it after the commit. */
  bump(table: string): void {
    this.add(table);
    const slot = this.#slots.get(table);
    Atomics.add(this.#words, slot === undefined ? SHARED_VERSION_AT : slot + VERSION_IN_SLOT, 1);
  }

  /** The version now. A relation that was never added has the version that such relations share. */
  read(table: string): number {
    const slot = this.#slotOf(table);
    return Atomics.load(this.#words, slot === undefined ? SHARED_VERSION_AT : slot + VERSION_IN_SLOT);
  }

  /** All relations that have a version of their own. */
  all(): ReadonlyMap<string, number> {
    this.#learnNames();
    const versions = new Map<string, number>();
    for (const [table, slot] of this.#slots)
      versions.set(table, Atomics.load(this.#words, slot + VERSION_IN_SLOT));
    return versions;
  }

  #slotOf(table: string): number | undefined {
    const slot = this.#slots.get(table);
    if (slot !== undefined) return slot;
    this.#learnNames();
    return this.#slots.get(table);
  }

  // Another thread may have added names since.
  #learnNames(): void {
    const count = Atomics.load(this.#words, COUNT_AT);
    for (let index = this.#slots.size; index < count; index++) {
      const slot = HEADER_WORDS + index * SLOT_WORDS;
      const length = this.#words[slot + LENGTH_IN_SLOT]!;
      // A copy: TextDecoder takes no shared memory.
      const name = Uint8Array.from(new Uint8Array(this.#memory, (slot + NAME_IN_SLOT) * 4, length));
      this.#slots.set(new TextDecoder().decode(name), slot);
    }
  }
}
