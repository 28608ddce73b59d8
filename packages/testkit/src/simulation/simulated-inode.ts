import type { Random } from '@millrace/core/base';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

/** The contents of one file: what programs see, what is durable, and the changes in between. */
export class SimulatedInode {
  #current = new Uint8Array(0);
  #durable = new Uint8Array(0);
  #unsynced: Change[] = [];

  get size(): number {
    return this.#current.length;
  }

  get unsyncedChanges(): number {
    return this.#unsynced.length;
  }

  read(position: number, length: number): Uint8Array {
    return this.#current.subarray(position, Math.min(this.#current.length, position + length));
  }

  write(position: number, bytes: Uint8Array): void {
    this.#change({ kind: 'write', position, bytes: bytes.slice() });
  }

  truncate(length: number): void {
    this.#change({ kind: 'truncate', length });
  }

  /** Flips one bit of what lies on the disk, as decay does. */
  flipBit(bit: number): void {
    this.#current = this.#current.slice();
    this.#current[bit >> 3]! ^= 1 << (bit & 7);
    this.#durable = this.#current;
    this.#unsynced = [];
  }

  sync(): void {
    this.#durable = this.#current;
    this.#unsynced = [];
  }

  /**
   * The machine lost its power: the size is one that the file had since the last sync, and every sector is as it was
   * at some moment since then, each at its own. Sectors that the file gained and that were not written hold zeros or,
   * as some file systems leave them, garbage.
   */
  losePower(random: Random): void {
    const changes = this.#unsynced;
    if (changes.length === 0) return;
    const inOrder = random.next() < 0.3;
    const moment = () => Math.floor(random.next() * (changes.length + 1));
    const sizeMoment = moment();
    let size = this.#durable.length;
    for (const change of changes.slice(0, sizeMoment)) size = sizeAfter(size, change);
    const survivor = new Uint8Array(size);
    if (random.next() < 0.25) for (let i = 0; i < size; i++) survivor[i] = random.next() * 256;
    const moments = new Int32Array(Math.ceil(size / SECTOR_BYTES));
    for (let sector = 0; sector < moments.length; sector++) moments[sector] = inOrder ? sizeMoment : moment();
    let contents = this.#durable;
    copySectors(contents, survivor, (sector) => moments[sector] === 0);
    changes.forEach((change, i) => {
      contents = contentsAfter(contents, change);
      copySectors(contents, survivor, (sector) => moments[sector] === i + 1);
    });
    this.#current = survivor;
    this.sync();
  }

  #change(change: Change): void {
    this.#unsynced.push(change);
    if (change.kind === 'write' && this.#current !== this.#durable && fits(this.#current, change)) {
      this.#current.set(change.bytes, change.position);
    } else {
      this.#current = contentsAfter(this.#current, change);
    }
  }
}

function fits(contents: Uint8Array, change: { position: number; bytes: Uint8Array }): boolean {
  return change.position + change.bytes.length <= contents.length;
}

function sizeAfter(size: number, change: Change): number {
  return change.kind === 'truncate' ? change.length : Math.max(size, change.position + change.bytes.length);
}

function contentsAfter(contents: Uint8Array, change: Change): Uint8Array<ArrayBuffer> {
  const size = sizeAfter(contents.length, change);
  const after = new Uint8Array(size);
  after.set(contents.subarray(0, size));
  if (change.kind === 'write') after.set(change.bytes, change.position);
  return after;
}

function copySectors(from: Uint8Array, to: Uint8Array, isChosen: (sector: number) => boolean): void {
  const end = Math.min(from.length, to.length);
  for (let start = 0; start < end; start += SECTOR_BYTES) {
    if (isChosen(start / SECTOR_BYTES))
      to.set(from.subarray(start, Math.min(end, start + SECTOR_BYTES)), start);
  }
}
