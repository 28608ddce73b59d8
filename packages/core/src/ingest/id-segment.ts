import type { File, FileSystem } from '../base/index.ts';
import { crc32c } from '../log/index.ts';
import { fail } from './errors.ts';
import { IdFilter } from './id-filter.ts';
import { compareHashes } from './id-table.ts';

/*
 * A sealed part of the deduplication index, as 32-bit little-endian words:
 *
 *   header   16 words: magic, version, sequence, first arrival (low word, high word), count, pages, filter
 * words,
 *            CRC-32C of header + fences + filter
 *   fences   for each page the first word of its first hash
 *   filter   IdFilter over all hashes
 *   padding  to a multiple of 4096 bytes
 *   pages    4096 bytes each: 255 hashes ascending, CRC-32C of them, zeros
 */
const MAGIC = 0x5349524d;
const VERSION = 1;
const HEADER_WORDS = 16;
const CRC_AT = 8;
const PAGE_BYTES = 4096;
const PAGE_WORDS = PAGE_BYTES / 4;
const WORDS = 4;
const WORD = 4294967296;
const HASHES_PER_PAGE = 255;
const PAGE_CRC_AT = HASHES_PER_PAGE * WORDS;
const PAGES_PER_SLICE = 128;

export interface SegmentIdentity {
  readonly path: string;
  /** Grows with each segment of the index. */
  readonly sequence: number;
  /** When the first of its events arrived. */
  readonly sinceMs: number;
}

/** A closed set of ids that arrived within one hour, sorted in a file; fences and filter stay in memory. */
export class IdSegment {
  readonly path: string;
  readonly sequence: number;
  readonly sinceMs: number;
  readonly count: number;
  readonly #file: File;
  readonly #fences: Uint32Array;
  readonly #filter: IdFilter;
  readonly #pagesAt: number;
  #readers = 0;
  #isRetired = false;

  private constructor(file: File, identity: SegmentIdentity & { count: number }, parts: SegmentParts) {
    this.#file = file;
    this.path = identity.path;
    this.sequence = identity.sequence;
    this.sinceMs = identity.sinceMs;
    this.count = identity.count;
    this.#fences = parts.fences;
    this.#filter = parts.filter;
    this.#pagesAt = pagesAtOf(parts.fences.length, parts.filter.words.length);
  }

  /** Bytes of memory. */
  get byteLength(): number {
    return this.#fences.byteLength + this.#filter.words.byteLength;
  }

  /** Writes `hashes` (ascending) and makes the file durable; calls `pause` between slices of work. */
  static async write(
    files: FileSystem,
    identity: SegmentIdentity,
    contents: { readonly hashes: Uint32Array; readonly pause: () => Promise<void> },
  ): Promise<IdSegment> {
    const { hashes, pause } = contents;
    const count = hashes.length / WORDS;
    const pages = Math.ceil(count / HASHES_PER_PAGE);
    const filter = IdFilter.forIds(count);
    const fences = new Uint32Array(pages);
    const pagesAt = pagesAtOf(pages, filter.words.length);
    const file = await files.open(identity.path, { create: true, truncate: true });
    try {
      for (let first = 0; first < pages; first += PAGES_PER_SLICE) {
        const last = Math.min(first + PAGES_PER_SLICE, pages);
        const slice = new Uint32Array((last - first) * PAGE_WORDS);
        for (let page = first; page < last; page++) {
          fences[page] = hashes[page * HASHES_PER_PAGE * WORDS]!;
          fillPage(
            slice.subarray((page - first) * PAGE_WORDS, (page - first + 1) * PAGE_WORDS),
            hashes,
            page,
          );
        }
        addAll(filter, hashes, {
          from: first * HASHES_PER_PAGE,
          to: Math.min(last * HASHES_PER_PAGE, count),
        });
        await file.write(bytesOf(slice), pagesAt + first * PAGE_BYTES);
        await pause();
      }
      await file.write(bytesOf(frontOf({ ...identity, count }, { fences, filter })), 0);
      await file.sync();
    } catch (error) {
      await file.close();
      throw error;
    }
    return new IdSegment(file, { ...identity, count }, { fences, filter });
  }

  /** Opens a file that `write` made; undefined when it is missing, damaged or another one. */
  static async open(files: FileSystem, identity: SegmentIdentity): Promise<IdSegment | undefined> {
    if (!(await files.exists(identity.path))) return undefined;
    const file = await files.open(identity.path);
    const front = await readFront(file);
    if (front === undefined || front.sequence !== identity.sequence || front.sinceMs !== identity.sinceMs) {
      await file.close();
      return undefined;
    }
    return new IdSegment(file, { ...identity, count: front.count }, front);
  }

  /** False: the id is certainly not here. True: ask `has`. */
  mayHave(hashes: Uint32Array, at: number): boolean {
    return this.#filter.mayHave(hashes, at);
  }

  /** Looks into the file: one read. `INGEST_DEDUP_UNREADABLE` when the page is damaged. */
  async has(hashes: Uint32Array, at: number): Promise<boolean> {
    this.#readers++;
    try {
      // A page may begin with hashes whose first word equals that of the page before.
      for (let page = this.#lastPageFor(hashes[at]!); page >= 0; page--) {
        if (pageHas(await this.#readPage(page), hashes, at)) return true;
        if (this.#fences[page]! < hashes[at]!) break;
      }
      return false;
    } finally {
      this.#readers--;
      if (this.#isRetired && this.#readers === 0) await this.#file.close();
    }
  }

  /** Closes the file as soon as nobody reads it. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (this.#readers === 0) await this.#file.close();
  }

  /** The last page whose first hash does not begin above `word`; -1 when all do. */
  #lastPageFor(word: number): number {
    let low = 0;
    let high = this.#fences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#fences[middle]! <= word) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  async #readPage(page: number): Promise<Uint32Array> {
    const words = new Uint32Array(PAGE_WORDS);
    const position = this.#pagesAt + page * PAGE_BYTES;
    let cause: unknown;
    try {
      const count = await this.#file.read(bytesOf(words), { targetOffset: 0, length: PAGE_BYTES, position });
      if (count === PAGE_BYTES && words[PAGE_CRC_AT] === crc32c(bytesOf(words.subarray(0, PAGE_CRC_AT))))
        return words;
    } catch (error) {
      cause = error;
    }
    throw fail('INGEST_DEDUP_UNREADABLE', {
      details: { file: this.path, position },
      cause,
      retryAfterMs: 1000,
    });
  }
}

interface SegmentParts {
  readonly fences: Uint32Array;
  readonly filter: IdFilter;
}

/** Header, fences and filter, ready to be written. */
function frontOf(
  header: { sequence: number; sinceMs: number; count: number },
  parts: SegmentParts,
): Uint32Array {
  const { fences, filter } = parts;
  const front = new Uint32Array(HEADER_WORDS + fences.length + filter.words.length);
  const { sequence, sinceMs, count } = header;
  front.set([MAGIC, VERSION, sequence, sinceMs % WORD, Math.floor(sinceMs / WORD), count]);
  front.set([fences.length, filter.words.length], 6);
  front.set(fences, HEADER_WORDS);
  front.set(filter.words, HEADER_WORDS + fences.length);
  front[CRC_AT] = crc32c(bytesOf(front));
  return front;
}

async function readFront(
  file: File,
): Promise<(SegmentParts & { sequence: number; sinceMs: number; count: number }) | undefined> {
  const header = await readWords(file, HEADER_WORDS);
  if (header === undefined || header[0] !== MAGIC || header[1] !== VERSION) return undefined;
  const [, , sequence, sinceLow, sinceHigh, count, pages, filterWords] = header;
  const size = HEADER_WORDS + pages! + filterWords!;
  if (size * 4 > (await file.size())) return undefined;
  const front = await readWords(file, size);
  if (front === undefined) return undefined;
  const crc = front[CRC_AT];
  front[CRC_AT] = 0;
  if (crc32c(bytesOf(front)) !== crc) return undefined;
  if (pagesAtOf(pages!, filterWords!) + pages! * PAGE_BYTES > (await file.size())) return undefined;
  return {
    sequence: sequence!,
    sinceMs: sinceLow! + sinceHigh! * WORD,
    count: count!,
    fences: front.slice(HEADER_WORDS, HEADER_WORDS + pages!),
    filter: new IdFilter(front.slice(HEADER_WORDS + pages!)),
  };
}

async function readWords(file: File, count: number): Promise<Uint32Array | undefined> {
  const words = new Uint32Array(count);
  const length = count * 4;
  const read = await file.read(bytesOf(words), { targetOffset: 0, length, position: 0 });
  return read === length ? words : undefined;
}

function fillPage(target: Uint32Array, hashes: Uint32Array, page: number): void {
  const start = page * HASHES_PER_PAGE * WORDS;
  target.set(hashes.subarray(start, Math.min(start + PAGE_CRC_AT, hashes.length)));
  // What is left of the last page: all ones keeps it ascending.
  target.fill(0xffffffff, Math.min(PAGE_CRC_AT, hashes.length - start), PAGE_CRC_AT);
  target[PAGE_CRC_AT] = crc32c(bytesOf(target.subarray(0, PAGE_CRC_AT)));
}

function addAll(filter: IdFilter, hashes: Uint32Array, range: { from: number; to: number }): void {
  for (let i = range.from; i < range.to; i++) filter.add(hashes, i * WORDS);
}

function pageHas(page: Uint32Array, hashes: Uint32Array, at: number): boolean {
  let low = 0;
  let high = HASHES_PER_PAGE;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareHashes(page, middle * WORDS, hashes, at);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return false;
}

function pagesAtOf(pages: number, filterWords: number): number {
  return Math.ceil(((HEADER_WORDS + pages + filterWords) * 4) / PAGE_BYTES) * PAGE_BYTES;
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
