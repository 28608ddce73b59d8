import { isMillraceError, type Logger, messageOf } from '../base/index.ts';
import { readInt32 } from './bytes.ts';
import type { Checksum } from './checksum.ts';
import type { CompressionCodecs } from './compression.ts';
import { logError } from './errors.ts';
import type { IndexStore } from './index-store.ts';
import type { PartitionLog } from './partition-log.ts';
import { BATCH_LENGTH_AT, BATCH_OVERHEAD, LEADER_EPOCH_AT, LENGTH_OVERHEAD } from './record-batch-layout.ts';
import { batchProblem, RecordBatch } from './record-batch.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { IndexEntry, SegmentIndex } from './segment-index.ts';
import type { Segment } from './segment.ts';

const CHUNK_BYTES_MIN = 256 << 10;
const SCAN_BYTES = 1 << 20;
/** How far behind damage the next whole batch is looked for. */
const RESUME_BYTES_MAX = 64 << 20;

/** A place in a segment and which batch must begin there. */
interface Place {
  readonly partition: PartitionLog;
  readonly segment: Segment;
  readonly position: number;
  readonly baseOffset: number;
  /** Where the visible bytes of the segment end. */
  readonly end: number;
}

/**
 * Reads batches from segments and checks all of it: the CRC, and what the CRC does not cover, that is magic,
 * lengths, and that each batch begins at the offset at which the one before it ended.
 */
export class SegmentReader {
  readonly #files: SegmentFiles;
  readonly #indexes: IndexStore;
  readonly #checksum: Checksum;
  readonly #codecs: CompressionCodecs;
  readonly #logger: Logger;
  readonly #indexing = new Map<Segment, Promise<void>>();
  /** What follows damage that was met before, by place: looking for it reads much. */
  readonly #resumes = new Map<string, IndexEntry | undefined>();

  constructor(options: {
    files: SegmentFiles;
    indexes: IndexStore;
    checksum: Checksum;
    codecs: CompressionCodecs;
    logger: Logger;
  }) {
    this.#files = options.files;
    this.#codecs = options.codecs;
    this.#indexes = options.indexes;
    this.#checksum = options.checksum;
    this.#logger = options.logger;
  }

  /** The batches from the one that holds `offset` on, at most about `bytesMax`, from one segment. */
  async read(
    partition: PartitionLog,
    segment: Segment,
    options: { readonly offset: number; readonly bytesMax: number },
  ): Promise<RecordBatch[]> {
    const { offset, bytesMax } = options;
    await this.#completeIndex(partition, segment);
    let place = placeOf(partition, segment, segment.index.before(offset));
    const batches: RecordBatch[] = [];
    let bytes = 0;
    while (batches.length === 0 && place.position < place.end) {
      const found = await this.#batchesAt(place, Math.max(bytesMax, CHUNK_BYTES_MIN));
      place = placeAfter(place, found);
      for (const batch of found) {
        if (batch.lastOffset < offset) continue;
        bytes += batch.byteLength;
        if (batches.length > 0 && bytes > bytesMax) return batches;
        batches.push(batch);
      }
    }
    return batches;
  }

  /**
   * Offset of the first batch in the segment that was appended at or after `timeMs`; undefined when none was.
   */
  async offsetAtTime(partition: PartitionLog, segment: Segment, timeMs: number): Promise<number | undefined> {
    await this.#completeIndex(partition, segment);
    let place = placeOf(partition, segment, segment.index.beforeTime(timeMs));
    while (place.position < place.end) {
      const found = await this.#batchesAt(place, CHUNK_BYTES_MIN);
      for (const batch of found) if (batch.appendedAtMs >= timeMs) return batch.baseOffset;
      place = placeAfter(place, found);
    }
    return undefined;
  }

  /** Brings index entries for the part of a segment for which there are none in memory. */
  async #completeIndex(partition: PartitionLog, segment: Segment): Promise<void> {
    if (segment !== partition.segments.at(-1)) this.#indexes.touch(segment);
    if (segment.indexedFrom === 0) return;
    let indexing = this.#indexing.get(segment);
    if (indexing === undefined) {
      indexing = this.#buildIndex(partition, segment).finally(() => this.#indexing.delete(segment));
      this.#indexing.set(segment, indexing);
    }
    await indexing;
  }

  async #buildIndex(partition: PartitionLog, segment: Segment): Promise<void> {
    const end = segment.indexedFrom;
    const index = await this.#indexes.load(segment, end);
    let place = { ...placeOf(partition, segment, index.last()), end };
    while (place.position < end) {
      try {
        const found = await this.#batchesAt(place, SCAN_BYTES);
        noteAll(index, place.position, found);
        place = placeAfter(place, found);
      } catch (error) {
        if (!isMillraceError(error) || error.code !== 'LOG_CORRUPT_SEGMENT') throw error;
        this.#logger.error(error.message, error.details);
        const resume = await this.#resumeAfter({ ...place, position: Number(error.details['position']) });
        if (resume === undefined) break;
        index.insert(resume);
        place = { ...place, ...resume };
      }
    }
    segment.index.prepend(index);
    segment.indexedFrom = 0;
  }

  /** At least one batch, and further ones that lie wholly within `bytes`, up to damage if there is any. */
  async #batchesAt(place: Place, bytes: number): Promise<RecordBatch[]> {
    let chunk = await this.#chunk(place, bytes);
    if (chunk.length >= BATCH_OVERHEAD) {
      const first = LENGTH_OVERHEAD + readInt32(chunk, BATCH_LENGTH_AT);
      if (first > chunk.length && place.position + first <= place.end)
        chunk = await this.#chunk(place, first);
    }
    const batches: RecordBatch[] = [];
    let position = 0;
    let { baseOffset } = place;
    while (position < chunk.length || batches.length === 0) {
      const problem = this.#problemAt(chunk, position, baseOffset);
      if (problem !== undefined) {
        if (batches.length > 0) return batches;
        throw await this.#corrupt(place, problem);
      }
      const batch = RecordBatch.view(chunk, position, this.#codecs);
      batches.push(batch);
      position += batch.byteLength;
      baseOffset = batch.lastOffset + 1;
    }
    return batches;
  }

  #problemAt(chunk: Uint8Array, position: number, baseOffset: number): string | undefined {
    if (position === chunk.length) return 'the file ends there';
    const problem = batchProblem(chunk, position);
    if (problem !== undefined) return problem;
    const batch = RecordBatch.view(chunk, position, this.#codecs);
    if (batch.baseOffset !== baseOffset) return `its base offset is ${batch.baseOffset}, not ${baseOffset}`;
    const leaderEpoch = readInt32(chunk, position + LEADER_EPOCH_AT);
    if (leaderEpoch !== 0) return `its leader epoch is ${leaderEpoch}, not 0`;
    return batch.matchesChecksum(this.#checksum) ? undefined : 'its CRC does not match';
  }

  async #chunk(place: Place, bytes: number): Promise<Uint8Array> {
    const { segment, position, end } = place;
    try {
      return await this.#files.read(segment.logPath, position, Math.min(bytes, end - position));
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT')
        throw await this.#corrupt(place, 'the file is not there');
      throw logError('LOG_READ_FAILED', {
        message: `${segment.logPath} cannot be read at byte ${position}: ${messageOf(error)}`,
        details: { file: segment.logPath, position },
        cause: error,
      });
    }
  }

  async #corrupt(place: Place, problem: string): Promise<Error> {
    const { partition, segment, position } = place;
    const resume = await this.#resumeAfter(place);
    if (resume !== undefined) segment.index.insert(resume);
    const details = {
      file: segment.logPath,
      position,
      problem,
      topic: partition.topic,
      partition: partition.partition,
      offset: place.baseOffset,
      resumeOffset: resume?.baseOffset ?? partition.endOfSegment(partition.segments.indexOf(segment)),
    };
    const message = `${segment.logPath} is damaged at byte ${position}: ${problem}.`;
    return logError('LOG_CORRUPT_SEGMENT', { message, details });
  }

  async #resumeAfter(place: Place): Promise<IndexEntry | undefined> {
    const key = `${place.segment.path} ${place.position}`;
    if (!this.#resumes.has(key)) this.#resumes.set(key, await this.#findResume(place));
    return this.#resumes.get(key);
  }

  /** The first whole batch after damage; undefined when none is found. */
  async #findResume(place: Place): Promise<IndexEntry | undefined> {
    const { partition, segment, position } = place;
    const offsetEnd = partition.endOfSegment(partition.segments.indexOf(segment));
    let bytes: Uint8Array;
    try {
      const length = Math.max(0, Math.min(place.end - position - 1, RESUME_BYTES_MAX));
      bytes = await this.#files.read(segment.logPath, position + 1, length);
    } catch {
      return undefined;
    }
    for (let at = 0; at + BATCH_OVERHEAD <= bytes.length; at++) {
      if (bytes[at + 16] !== 2 || batchProblem(bytes, at) !== undefined) continue;
      const batch = RecordBatch.view(bytes, at, this.#codecs);
      const isAhead = batch.baseOffset > place.baseOffset && batch.lastOffset < offsetEnd;
      if (!isAhead || !batch.matchesChecksum(this.#checksum)) continue;
      return { baseOffset: batch.baseOffset, position: position + 1 + at, appendedAtMs: batch.appendedAtMs };
    }
    return undefined;
  }
}

function placeOf(partition: PartitionLog, segment: Segment, entry: IndexEntry | undefined): Place {
  const position = entry?.position ?? 0;
  const end = partition.writtenEnd(segment);
  return { partition, segment, position, baseOffset: entry?.baseOffset ?? segment.baseOffset, end };
}

function placeAfter(place: Place, batches: readonly RecordBatch[]): Place {
  let { position, baseOffset } = place;
  for (const batch of batches) {
    position += batch.byteLength;
    baseOffset = batch.lastOffset + 1;
  }
  return { ...place, position, baseOffset };
}

function noteAll(index: SegmentIndex, start: number, batches: readonly RecordBatch[]): void {
  let position = start;
  for (const batch of batches) {
    index.note({ baseOffset: batch.baseOffset, position, appendedAtMs: batch.appendedAtMs });
    position += batch.byteLength;
  }
}
