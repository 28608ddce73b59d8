import { assert } from '../base/index.ts';
import { readInt32, readInt64, readUint32, writeInt32, writeInt64 } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import type { Replacement } from './partition-log.ts';
import { BATCH_OVERHEAD } from './record-batch-layout.ts';
import type { SegmentSummary } from './segment.ts';

/**
 * One frame of the journal: everything that became durable by one sync, whole or not at all. Big-endian.
 *
 * ```
 *  0 crc uint32         CRC-32C of everything from 4 to the end
 *  4 magic uint32       'MRLJ'
 *  8 version uint8, reserved 3 bytes
 * 12 length uint32      of the frame, this header included
 * 16 sequence int64     one more than the frame before
 * 24 log id 8 bytes     random, made with the log: tells its frames from bytes that only look like one
 * 32 entries            kind uint8, then by kind:
 *
 *   1 append            place | length uint32 | batch
 *   2 append in place   place | the batch's header, 61 bytes
 *   3 group offset      group text | topic uint32 | partition uint32 | next offset int64
 *   4 topic             topic uint32 | name text | configuration JSON text
 *   5 start offset      topic uint32 | partition uint32 | offset int64
 *   6 replacement       topic uint32 | partition uint32 | base offset int64 | generation uint32 | size uint32
 *                       | first append time int64 | last append time int64 | cleaned time int64
 *                       | until offset int64 | compacted to int64
 *
 * place: topic uint32 | partition uint32 | segment base int64 | position uint32
 * text: length uint32 | UTF-8
 * ```
 *
 * A replacement is a segment that compaction wrote, synced before the frame was written, in the place of
 * those from its base offset up to the until offset. Version 1 had none. The batch of an append in place is
 * in its segment already, synced before the frame was written.
 */
export const FRAME_OVERHEAD = 32;
export const FRAME_VERSION = 2;

const MAGIC = 0x4d524c4a;
const CRC_AT = 0;
const MAGIC_AT = 4;
const VERSION_AT = 8;
const LENGTH_AT = 12;
const SEQUENCE_AT = 16;
const LOG_ID_AT = 24;
export const LOG_ID_BYTES = 8;

const APPEND = 1;
const APPEND_IN_PLACE = 2;
const GROUP_OFFSET = 3;
const TOPIC = 4;
const START_OFFSET = 5;
const REPLACEMENT = 6;

/** Where a batch lies. */
export interface BatchPlace {
  readonly topicId: number;
  readonly partition: number;
  readonly segmentBase: number;
  readonly position: number;
}

export type JournalEntry =
  | (BatchPlace & { readonly kind: 'append'; readonly batch: Uint8Array })
  | (BatchPlace & { readonly kind: 'appendInPlace'; readonly header: Uint8Array })
  | {
      readonly kind: 'groupOffset';
      readonly group: string;
      readonly topicId: number;
      readonly partition: number;
      readonly nextOffset: number;
    }
  | { readonly kind: 'topic'; readonly topicId: number; readonly topic: string; readonly config: string }
  | {
      readonly kind: 'startOffset';
      readonly topicId: number;
      readonly partition: number;
      readonly startOffset: number;
    }
  | ({ readonly kind: 'replacement' } & ReplacementEntry);

/** A compacted segment and its place. */
export interface ReplacementEntry extends Required<SegmentSummary>, Replacement {
  readonly topicId: number;
  readonly partition: number;
}

const APPEND_OVERHEAD = 1 + 4 + 4 + 8 + 4 + 4;
const KEPT_BYTES_MAX = 8 << 20;
const text = new TextEncoder();

/** Encodes entries into one slab that is used again for the next frame. */
export class FrameBuilder {
  #bytes: Uint8Array = Buffer.allocUnsafeSlow(64 << 10);
  #end = FRAME_OVERHEAD;

  get byteLength(): number {
    return this.#end;
  }

  get isEmpty(): boolean {
    return this.#end === FRAME_OVERHEAD;
  }

  /** Makes room for another frame; an unusually large slab is given up. */
  clear(): void {
    this.#end = FRAME_OVERHEAD;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = Buffer.allocUnsafeSlow(64 << 10);
  }

  addAppend(place: BatchPlace, batch: Uint8Array): void {
    this.#ensureRoom(APPEND_OVERHEAD + batch.length);
    this.#addPlace(APPEND, place);
    writeInt32(this.#bytes, this.#end, batch.length);
    this.#bytes.set(batch, this.#end + 4);
    this.#end += 4 + batch.length;
  }

  addAppendInPlace(place: BatchPlace, batch: Uint8Array): void {
    this.#ensureRoom(APPEND_OVERHEAD + BATCH_OVERHEAD);
    this.#addPlace(APPEND_IN_PLACE, place);
    this.#bytes.set(batch.subarray(0, BATCH_OVERHEAD), this.#end);
    this.#end += BATCH_OVERHEAD;
  }

  addGroupOffset(entry: { group: string; topicId: number; partition: number; nextOffset: number }): void {
    const group = text.encode(entry.group);
    this.#ensureRoom(1 + 4 + group.length + 16);
    this.#bytes[this.#end++] = GROUP_OFFSET;
    this.#addText(group);
    this.#addInt32(entry.topicId);
    this.#addInt32(entry.partition);
    this.#addInt64(entry.nextOffset);
  }

  addTopic(entry: { topicId: number; topic: string; config: string }): void {
    const topic = text.encode(entry.topic);
    const config = text.encode(entry.config);
    this.#ensureRoom(1 + 4 + 4 + topic.length + 4 + config.length);
    this.#bytes[this.#end++] = TOPIC;
    this.#addInt32(entry.topicId);
    this.#addText(topic);
    this.#addText(config);
  }

  addStartOffset(entry: { topicId: number; partition: number; startOffset: number }): void {
    this.#ensureRoom(1 + 4 + 4 + 8);
    this.#bytes[this.#end++] = START_OFFSET;
    this.#addInt32(entry.topicId);
    this.#addInt32(entry.partition);
    this.#addInt64(entry.startOffset);
  }

  addReplacement(entry: ReplacementEntry): void {
    this.#ensureRoom(1 + 4 + 4 + 8 + 4 + 4 + 5 * 8);
    this.#bytes[this.#end++] = REPLACEMENT;
    this.#addInt32(entry.topicId);
    this.#addInt32(entry.partition);
    this.#addInt64(entry.baseOffset);
    this.#addInt32(entry.generation);
    this.#addInt32(entry.size);
    this.#addInt64(entry.firstAppendedAtMs);
    this.#addInt64(entry.lastAppendedAtMs);
    this.#addInt64(entry.cleanedAtMs);
    this.#addInt64(entry.untilOffset);
    this.#addInt64(entry.compactedTo);
  }

  /** The whole frame; valid until the next change of the builder. */
  finish(frame: { sequence: number; logId: Uint8Array; checksum: Checksum }): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#end);
    writeInt32(bytes, MAGIC_AT, MAGIC);
    writeInt32(bytes, VERSION_AT, FRAME_VERSION << 24);
    writeInt32(bytes, LENGTH_AT, bytes.length);
    writeInt64(bytes, SEQUENCE_AT, frame.sequence);
    bytes.set(frame.logId, LOG_ID_AT);
    writeInt32(bytes, CRC_AT, frame.checksum(bytes.subarray(MAGIC_AT)));
    return bytes;
  }

  #addPlace(kind: number, place: BatchPlace): void {
    this.#bytes[this.#end++] = kind;
    this.#addInt32(place.topicId);
    this.#addInt32(place.partition);
    this.#addInt64(place.segmentBase);
    this.#addInt32(place.position);
  }

  #addInt32(value: number): void {
    writeInt32(this.#bytes, this.#end, value);
    this.#end += 4;
  }

  #addInt64(value: number): void {
    writeInt64(this.#bytes, this.#end, value);
    this.#end += 8;
  }

  #addText(value: Uint8Array): void {
    this.#addInt32(value.length);
    this.#bytes.set(value, this.#end);
    this.#end += value.length;
  }

  #ensureRoom(length: number): void {
    const needed = this.#end + length;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}

/** A frame found in a journal file. */
export interface JournalFrame {
  readonly sequence: number;
  /** Position after the frame. */
  readonly end: number;
  readonly bytes: Uint8Array;
}

export interface FrameCheck {
  readonly logId: Uint8Array;
  readonly checksum: Checksum;
}

/** The frame that begins at `position`; undefined when no whole and undamaged frame of this log does. */
export function frameAt(bytes: Uint8Array, position: number, check: FrameCheck): JournalFrame | undefined {
  const available = bytes.length - position;
  if (available < FRAME_OVERHEAD) return undefined;
  if (readUint32(bytes, position + MAGIC_AT) !== MAGIC) return undefined;
  const length = readUint32(bytes, position + LENGTH_AT);
  if (length < FRAME_OVERHEAD || length > available) return undefined;
  for (let i = 0; i < LOG_ID_BYTES; i++) {
    if (bytes[position + LOG_ID_AT + i] !== check.logId[i]) return undefined;
  }
  const frame = bytes.subarray(position, position + length);
  if (check.checksum(frame.subarray(MAGIC_AT)) !== readUint32(frame, CRC_AT)) return undefined;
  return { sequence: readInt64(frame, SEQUENCE_AT), end: position + length, bytes: frame };
}

const magicBytes = Buffer.of(0x4d, 0x52, 0x4c, 0x4a);

/** The first frame at or after `from`, at any position, whose sequence is at least `sequenceMin`. */
export function findFrame(
  bytes: Uint8Array,
  from: number,
  check: FrameCheck & { readonly sequenceMin: number },
): JournalFrame | undefined {
  const searched = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = searched.indexOf(magicBytes, from + MAGIC_AT);
  while (at >= 0) {
    const position = at - MAGIC_AT;
    // The sequence first: a file that is used again is full of old frames, whose CRC need not be computed.
    if (
      position + FRAME_OVERHEAD <= bytes.length &&
      readInt64(bytes, position + SEQUENCE_AT) >= check.sequenceMin
    ) {
      const frame = frameAt(bytes, position, check);
      if (frame !== undefined) return frame;
    }
    at = searched.indexOf(magicBytes, at + 1);
  }
  return undefined;
}

/** The version of a frame; only frames of known versions can be read. */
export function frameVersion(frame: JournalFrame): number {
  return frame.bytes[VERSION_AT]!;
}

/** Decodes the entries of a frame whose CRC was checked. Batches are views on the frame. */
export function frameEntries(frame: JournalFrame): JournalEntry[] {
  const reader = new EntryReader(frame.bytes);
  const entries: JournalEntry[] = [];
  while (reader.hasMore) entries.push(reader.next());
  return entries;
}

class EntryReader {
  readonly #bytes: Uint8Array;
  #position = FRAME_OVERHEAD;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#position < this.#bytes.length;
  }

  next(): JournalEntry {
    const kind = this.#bytes[this.#position++]!;
    switch (kind) {
      case APPEND:
        return { kind: 'append', ...this.#place(), batch: this.#take(this.#int32()) };
      case APPEND_IN_PLACE:
        return { kind: 'appendInPlace', ...this.#place(), header: this.#take(BATCH_OVERHEAD) };
      case GROUP_OFFSET: {
        const group = this.#text();
        return { kind: 'groupOffset', group, ...this.#partition(), nextOffset: this.#int64() };
      }
      case TOPIC:
        return { kind: 'topic', topicId: this.#int32(), topic: this.#text(), config: this.#text() };
      case START_OFFSET:
        return { kind: 'startOffset', ...this.#partition(), startOffset: this.#int64() };
      case REPLACEMENT:
        return { kind: 'replacement', ...this.#replacement() };
      default:
        // The CRC matched and the version is ours: the frame was written wrongly.
        assert(false, `journal entry of unknown kind ${kind}`);
    }
  }

  #partition(): { topicId: number; partition: number } {
    return { topicId: this.#int32(), partition: this.#int32() };
  }

  #replacement(): ReplacementEntry {
    return {
      ...this.#partition(),
      baseOffset: this.#int64(),
      generation: this.#int32(),
      size: this.#int32(),
      firstAppendedAtMs: this.#int64(),
      lastAppendedAtMs: this.#int64(),
      cleanedAtMs: this.#int64(),
      untilOffset: this.#int64(),
      compactedTo: this.#int64(),
    };
  }

  #place(): BatchPlace {
    return { ...this.#partition(), segmentBase: this.#int64(), position: this.#int32() };
  }

  #int32(): number {
    this.#position += 4;
    return readInt32(this.#bytes, this.#position - 4);
  }

  #int64(): number {
    this.#position += 8;
    return readInt64(this.#bytes, this.#position - 8);
  }

  #take(length: number): Uint8Array {
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  #text(): string {
    return Buffer.from(this.#take(this.#int32())).toString();
  }
}
