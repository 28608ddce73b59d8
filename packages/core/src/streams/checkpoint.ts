import type { Clock, File, FileSystem } from '../base/index.ts';
import { crc32c, readInt32, writeInt32, type Checksum } from '../log/index.ts';
import { encodeMetaValue, META_KEY } from './changelog-codec.ts';
import { textOf } from './serde.ts';
import type { StateStore } from './state-store.ts';
import { TimeSlice } from './time-slice.ts';

/*
 * A checkpoint file: a store's committed rows of one partition.
 *
 *   magic   8 bytes
 *   frames  length (4) · CRC-32C of the payload (4) · payload
 *
 * The first frame's payload is the header as JSON, the last one's the trailer as JSON. Those between hold
 * entries: key length (4) · key · value length (4) · value, encoded as in the changelog. Rows are written
 * while the store goes on changing: restoring applies the changelog from the header's offset, which sets
 * every row that may be newer.
 */

const MAGIC = Buffer.from('MLRCKPT1');
const FRAME_OVERHEAD = 8;
const FRAME_BYTES = 256 * 1024;
/** No frame is larger, but for one row that is. */
const FRAME_BYTES_MAX = 256 * 1024 * 1024;
const ENTRIES_PER_CLOCK_READ = 128;

export interface CheckpointHeader {
  readonly store: string;
  readonly partition: number;
  /** Changelog records from here on are not contained, or not surely. */
  readonly changelogOffset: number;
}

export interface CheckpointIo {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly checksum?: Checksum;
  /** Ends the work early. */
  readonly signal?: AbortSignal;
}

/**
 * Writes the store's committed rows to `path`, durable and whole or not at all, in slices. Returns the row
 * count.
 */
export async function writeCheckpoint(
  { files, clock, signal, checksum = crc32c }: CheckpointIo,
  path: string,
  { store, header }: { readonly store: StateStore; readonly header: CheckpointHeader },
): Promise<number> {
  const temporary = `${path}.new`;
  const file = await files.open(temporary, { create: true, truncate: true });
  let rows = 0;
  try {
    const writer = new FrameWriter(file, checksum);
    await writer.writeJson(header);
    const streamTimeMs = store.committedStreamTimeMs;
    if (streamTimeMs >= 0) writer.add(META_KEY, encodeMetaValue(streamTimeMs));
    const slice = new TimeSlice(clock, signal);
    for (const entry of store.entries()) {
      const row = store.encodeCommitted(entry);
      if (row === undefined) continue;
      writer.add(row.key, row.value);
      rows++;
      if (writer.isFull) await writer.flush();
      if (rows % ENTRIES_PER_CLOCK_READ === 0 && slice.isOver) await slice.yield();
    }
    await writer.flush();
    await writer.writeJson({ rows });
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(temporary, path);
  await files.syncFolder(path.slice(0, path.lastIndexOf('/')));
  return rows;
}

class FrameWriter {
  readonly #file: File;
  readonly #checksum: Checksum;
  #position = 0;
  #frame = Buffer.allocUnsafe(FRAME_BYTES * 2);
  #end = FRAME_OVERHEAD;

  constructor(file: File, checksum: Checksum) {
    this.#file = file;
    this.#checksum = checksum;
  }

  get isFull(): boolean {
    return this.#end >= FRAME_BYTES;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    this.#ensureRoom(key.length + value.length + 8);
    writeInt32(this.#frame, this.#end, key.length);
    this.#frame.set(key, this.#end + 4);
    this.#end += 4 + key.length;
    writeInt32(this.#frame, this.#end, value.length);
    this.#frame.set(value, this.#end + 4);
    this.#end += 4 + value.length;
  }

  async writeJson(value: unknown): Promise<void> {
    if (this.#position === 0) {
      await this.#file.write(MAGIC, 0);
      this.#position = MAGIC.length;
    }
    const bytes = Buffer.from(JSON.stringify(value));
    this.#ensureRoom(bytes.length);
    this.#frame.set(bytes, this.#end);
    this.#end += bytes.length;
    await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#end === FRAME_OVERHEAD) return;
    const payload = this.#frame.subarray(FRAME_OVERHEAD, this.#end);
    writeInt32(this.#frame, 0, payload.length);
    writeInt32(this.#frame, 4, this.#checksum(payload));
    await this.#file.write(this.#frame.subarray(0, this.#end), this.#position);
    this.#position += this.#end;
    this.#end = FRAME_OVERHEAD;
  }

  #ensureRoom(length: number): void {
    if (this.#end + length <= this.#frame.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#end + length, this.#frame.length * 2));
    grown.set(this.#frame.subarray(0, this.#end));
    this.#frame = grown;
  }
}

/** What `readCheckpoint` found. */
export type CheckpointRead =
  | { readonly isWhole: true; readonly header: CheckpointHeader; readonly rows: number }
  | { readonly isWhole: false; readonly problem: string };

/**
 * Restores rows into the (empty) store, in slices. When the file turns out to be torn or damaged the store
 * holds part of it and has to be cleared.
 */
export async function readCheckpoint(
  { files, clock, signal, checksum = crc32c }: CheckpointIo,
  path: string,
  store: StateStore,
): Promise<CheckpointRead> {
  const file = await files.open(path);
  try {
    const reader = new FrameReader(file, await file.size(), checksum);
    const first = await reader.next();
    const header = first === undefined ? undefined : (parseJson(first) as CheckpointHeader | undefined);
    if (header === undefined) return { isWhole: false, problem: reader.problem ?? 'no header' };
    if (header.store !== store.name) return { isWhole: false, problem: `it is of store '${header.store}'` };
    const slice = new TimeSlice(clock, signal);
    let rows = 0;
    for (;;) {
      const frame = await reader.next();
      if (frame === undefined) return { isWhole: false, problem: reader.problem ?? 'no trailer' };
      if (reader.isAtEnd) {
        const trailer = parseJson(frame) as { readonly rows: number } | undefined;
        if (trailer?.rows === rows) return { isWhole: true, header, rows };
        return { isWhole: false, problem: `${rows} rows, not ${trailer?.rows}` };
      }
      rows += await restoreFrame(frame, store, slice);
    }
  } finally {
    await file.close();
  }
}

async function restoreFrame(frame: Uint8Array, store: StateStore, slice: TimeSlice): Promise<number> {
  let position = 0;
  let rows = 0;
  let entries = 0;
  while (position < frame.length) {
    const keyEnd = position + 4 + readInt32(frame, position);
    const valueEnd = keyEnd + 4 + readInt32(frame, keyEnd);
    const key = frame.subarray(position + 4, keyEnd);
    store.restore(key, frame.subarray(keyEnd + 4, valueEnd));
    if (key.length !== META_KEY.length || key[0] !== META_KEY[0]) rows++;
    position = valueEnd;
    if (++entries % ENTRIES_PER_CLOCK_READ === 0 && slice.isOver) await slice.yield();
  }
  return rows;
}

class FrameReader {
  readonly #file: File;
  readonly #size: number;
  readonly #checksum: Checksum;
  #position = 0;
  problem: string | undefined;

  constructor(file: File, size: number, checksum: Checksum) {
    this.#file = file;
    this.#size = size;
    this.#checksum = checksum;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#size;
  }

  /** The next payload; undefined at the end or when something is wrong, which `problem` then says. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#position === 0) {
      const magic = await this.#read(MAGIC.length);
      if (magic === undefined || !MAGIC.equals(magic)) return this.#fail('it does not begin as a checkpoint');
    }
    const head = await this.#read(FRAME_OVERHEAD);
    if (head === undefined) return this.#fail('it ends too early');
    const length = readInt32(head, 0);
    if (length <= 0 || length > FRAME_BYTES_MAX) return this.#fail(`a frame of ${length} bytes`);
    const payload = await this.#read(length);
    if (payload === undefined) return this.#fail('it ends too early');
    if (this.#checksum(payload) !== readInt32(head, 4) >>> 0) return this.#fail('a wrong checksum');
    return payload;
  }

  async #read(length: number): Promise<Uint8Array | undefined> {
    if (this.#position + length > this.#size) return undefined;
    const target = Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const options = { targetOffset: done, length: length - done, position: this.#position + done };
      const count = await this.#file.read(target, options);
      if (count === 0) return undefined;
      done += count;
    }
    this.#position += length;
    return target;
  }

  #fail(problem: string): undefined {
    this.problem = `${problem} (byte ${this.#position})`;
    return undefined;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(bytes)) as unknown;
  } catch {
    return undefined;
  }
}
