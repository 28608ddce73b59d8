import type { Random } from '@millrace/core/base';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** A change that is not durable yet, with what it replaced. */
interface Change {
  readonly position: number;
  /** Empty for a truncation. */
  readonly bytes: Uint8Array;
  readonly before: Uint8Array;
  readonly sizeBefore: number;
  readonly sizeAfter: number;
}

/** The contents of one file: what programs see, and the changes that a power failure may undo. */
export class SimulatedInode {
  #bytes = new Uint8Array(64);
  #size = 0;
  #unsynced: Change[] = [];
  /** Changes for which a sync failed: the system takes them for durable and will not write them again. */
  #forgotten: Change[] = [];

  get size(): number {
    return this.#size;
  }

  read(position: number, length: number): Uint8Array {
    return this.#bytes.subarray(Math.min(position, this.#size), Math.min(this.#size, position + length));
  }

  write(position: number, bytes: Uint8Array): void {
    const sizeBefore = this.#size;
    const end = position + bytes.length;
    const before = this.#bytes.slice(position, Math.min(end, sizeBefore));
    this.#resize(Math.max(sizeBefore, end));
    this.#bytes.set(bytes, position);
    this.#unsynced.push({ position, bytes: bytes.slice(), before, sizeBefore, sizeAfter: this.#size });
  }

  truncate(length: number): void {
    const sizeBefore = this.#size;
    const before = this.#bytes.slice(length, Math.max(length, sizeBefore));
    this.#resize(length);
    this.#unsynced.push({
      position: length,
      bytes: new Uint8Array(0),
      before,
      sizeBefore,
      sizeAfter: length,
    });
  }

  /** Flips one bit of what lies on the disk, as decay does. */
  flipBit(bit: number): void {
    this.#bytes[bit >> 3]! ^= 1 << (bit & 7);
    this.#unsynced = [];
  }

  sync(): void {
    this.#forgotten = this.#forgotten.filter(
      (lost) => !this.#unsynced.some((change) => overlap(lost, change)),
    );
    this.#unsynced = [];
  }

  /**
   * A sync failed: some of what should have become durable did, some did not, and no later sync will make it
   * so.
   */
  failSync(random: Random): void {
    this.#forgotten.push(...this.#unsynced.filter(() => random.next() < 0.5));
    this.#unsynced = [];
  }

  /** The same file on another disk, all of it durable. */
  clone(): SimulatedInode {
    const copy = new SimulatedInode();
    copy.#bytes = this.#bytes.slice();
    copy.#size = this.#size;
    return copy;
  }

  /**
   * The machine lost its power: the size is one that the file had since the last sync, and every sector is as
   * it was at some moment since then, each at its own. Sectors that the file gained and that were not written
   * hold zeros or, as some file systems leave them, garbage.
   */
  losePower(random: Random): void {
    const changes = this.#unsynced;
    if (changes.length === 0 && this.#forgotten.length === 0) return;
    const isInOrder = random.next() < 0.3;
    const moment = () => Math.floor(random.next() * (changes.length + 1));
    const sizeMoment = moment();
    const size = changes[sizeMoment]?.sizeBefore ?? this.#size;
    const survivor = new Uint8Array(size);
    if (random.next() < 0.25) for (let i = 0; i < size; i++) survivor[i] = random.next() * 256;
    const moments = new Int32Array(Math.ceil(size / SECTOR_BYTES));
    for (let sector = 0; sector < moments.length; sector++)
      moments[sector] = isInOrder ? sizeMoment : moment();
    // From the newest moment back to the durable one, undoing change by change.
    for (let at = changes.length; ; at--) {
      copySectors(this.#bytes.subarray(0, this.#size), survivor, (sector) => moments[sector] === at);
      if (at === 0) break;
      this.#undo(changes[at - 1]!);
    }
    this.#bytes = survivor;
    this.#size = size;
    this.#unsynced = [];
    for (const lost of this.#forgotten) this.#forget(lost);
    this.#forgotten = [];
  }

  #forget(lost: Change): void {
    const end = Math.min(this.#size, lost.position + lost.bytes.length);
    if (end <= lost.position) return;
    this.#bytes.fill(0, lost.position, end);
    this.#bytes.set(lost.before.subarray(0, end - lost.position), lost.position);
  }

  #undo(change: Change): void {
    this.#resize(change.sizeBefore);
    this.#bytes.set(change.before, change.position);
  }

  /** Bytes between the size and the capacity are always zero, so that a file grows by zeros. */
  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    } else if (size < this.#size) {
      this.#bytes.fill(0, size, this.#size);
    }
    this.#size = size;
  }
}

function overlap(a: Change, b: Change): boolean {
  return a.position < b.position + b.bytes.length && b.position < a.position + a.bytes.length;
}

function copySectors(from: Uint8Array, to: Uint8Array, isChosen: (sector: number) => boolean): void {
  const end = Math.min(from.length, to.length);
  for (let start = 0; start < end; start += SECTOR_BYTES) {
    if (isChosen(start / SECTOR_BYTES))
      to.set(from.subarray(start, Math.min(end, start + SECTOR_BYTES)), start);
  }
}
