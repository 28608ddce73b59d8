import type { File, FileSystem } from '../base/index.ts';
import { crc32c } from '../log/index.ts';

/*
 * What the index has learned since its last sealed part, so that little of the log must be read again at
 * start. A file of blocks, each 32-bit little-endian words:
 *
 *   magic, words of the payload, CRC-32C of the payload
 *   payload  partitions, then for each: next offset (low word, high word)
 *            groups, then for each: sequence, first arrival (low word, high word), count,
 *            hashes (four words each)
 *
 * A block is written after the commits that it describes are durable, and is not synced itself: when the
 * machine fails, blocks are missing from the end, and the log is read from the positions of the last whole
 * one.
 */
const MAGIC = 0x4a49524d;
const BLOCK_HEADER_WORDS = 3;
const GROUP_HEADER_WORDS = 4;
const WORDS = 4;
const WORD = 4294967296;

/** Ids that arrived in one hour. */
export interface JournalGroup {
  readonly sequence: number;
  /** When the first of them arrived. */
  readonly sinceMs: number;
  readonly hashes: Uint32Array;
}

export interface JournalBlock {
  /** By partition: the index holds all ids below this offset. */
  readonly positions: readonly number[];
  readonly groups: readonly JournalGroup[];
}

/** An open journal that takes further blocks. */
export class DedupJournal {
  readonly path: string;
  readonly #file: File;
  #end = 0;

  private constructor(path: string, file: File) {
    this.path = path;
    this.#file = file;
  }

  /** Begins a new file with one block, durable when it resolves. */
  static async create(files: FileSystem, path: string, block: JournalBlock): Promise<DedupJournal> {
    const file = await files.open(path, { create: true, truncate: true });
    const journal = new DedupJournal(path, file);
    try {
      await journal.append(block);
      await file.sync();
    } catch (error) {
      await file.close();
      throw error;
    }
    return journal;
  }

  async append(block: JournalBlock): Promise<void> {
    const bytes = encodeBlock(block);
    await this.#file.write(bytes, this.#end);
    this.#end += bytes.length;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function encodeBlock(block: JournalBlock): Uint8Array {
  let length = BLOCK_HEADER_WORDS + 1 + block.positions.length * 2 + 1;
  for (const group of block.groups) length += GROUP_HEADER_WORDS + group.hashes.length;
  const words = new Uint32Array(length);
  let at = BLOCK_HEADER_WORDS;
  words[at++] = block.positions.length;
  for (const offset of block.positions) {
    words[at++] = offset % WORD;
    words[at++] = Math.floor(offset / WORD);
  }
  words[at++] = block.groups.length;
  for (const group of block.groups) {
    words[at++] = group.sequence;
    words[at++] = group.sinceMs % WORD;
    words[at++] = Math.floor(group.sinceMs / WORD);
    words[at++] = group.hashes.length / WORDS;
    words.set(group.hashes, at);
    at += group.hashes.length;
  }
  const bytes = new Uint8Array(words.buffer);
  words[0] = MAGIC;
  words[1] = length - BLOCK_HEADER_WORDS;
  words[2] = crc32c(bytes.subarray(BLOCK_HEADER_WORDS * 4));
  return bytes;
}

/** The whole blocks at the beginning of a journal's bytes, up to the first damaged one. */
export function decodeBlocks(bytes: Uint8Array): JournalBlock[] {
  const aligned = bytes.slice(0, bytes.length & ~3);
  const words = new Uint32Array(aligned.buffer, 0, aligned.length / 4);
  const blocks: JournalBlock[] = [];
  let at = 0;
  while (at + BLOCK_HEADER_WORDS <= words.length && words[at] === MAGIC) {
    const end = at + BLOCK_HEADER_WORDS + words[at + 1]!;
    if (end > words.length) break;
    if (crc32c(aligned.subarray((at + BLOCK_HEADER_WORDS) * 4, end * 4)) !== words[at + 2]) break;
    blocks.push(decodePayload(words.subarray(at + BLOCK_HEADER_WORDS, end)));
    at = end;
  }
  return blocks;
}

function decodePayload(words: Uint32Array): JournalBlock {
  let at = 0;
  const positions: number[] = [];
  for (let left = words[at++]!; left > 0; left--, at += 2) {
    positions.push(words[at]! + words[at + 1]! * WORD);
  }
  const groups: JournalGroup[] = [];
  for (let left = words[at++]!; left > 0; left--) {
    const sinceMs = words[at + 1]! + words[at + 2]! * WORD;
    const start = at + GROUP_HEADER_WORDS;
    const end = start + words[at + 3]! * WORDS;
    groups.push({ sequence: words[at]!, sinceMs, hashes: words.subarray(start, end) });
    at = end;
  }
  return { positions, groups };
}
