import { type FileSystem, type Logger, messageOf, readWhole } from '../base/index.ts';
import type { Checksum } from './checksum.ts';
import { SegmentIndex } from './segment-index.ts';
import type { Segment } from './segment.ts';

/** Indexes of closed segments in memory at once; an index has about 64 KiB for 64 MiB of log. */
const LOADED_MAX = 64;

/** Brings the indexes of segments from and to their files, and keeps few of them in memory. */
export class IndexStore {
  readonly #files: FileSystem;
  readonly #checksum: Checksum;
  readonly #logger: Logger;
  /** Closed segments with an index in memory, least recently used first. */
  readonly #loaded = new Set<Segment>();

  constructor(options: { files: FileSystem; checksum: Checksum; logger: Logger }) {
    this.#files = options.files;
    this.#checksum = options.checksum;
    this.#logger = options.logger;
  }

  /**
   * The stored index of a segment, without what it may say about bytes from `end` on. An empty one when there
   * is none.
   */
  async load(segment: Segment, end: number): Promise<SegmentIndex> {
    try {
      const bytes = await readWhole(this.#files, segment.indexPath);
      const index = bytes && SegmentIndex.decode(segment.baseOffset, bytes, this.#checksum);
      if (index !== undefined) {
        index.truncate(end);
        return index;
      }
      if (bytes !== undefined)
        this.#logger.warn('An index is damaged and is built again', { file: segment.indexPath });
    } catch (error) {
      const fields = { file: segment.indexPath, cause: messageOf(error) };
      this.#logger.warn('An index cannot be read and is built again', fields);
    }
    return new SegmentIndex(segment.baseOffset);
  }

  /** Not synced: an index that is lost or torn is built again from its segment. */
  async store(segment: Segment): Promise<void> {
    if (segment.indexedFrom !== 0 || segment.isRemoved) return;
    try {
      const file = await this.#files.open(segment.indexPath, { create: true, truncate: true });
      try {
        await file.write(segment.index.encode(this.#checksum), 0);
      } finally {
        await file.close();
      }
    } catch (error) {
      this.#logger.warn('An index could not be stored', { file: segment.indexPath, cause: messageOf(error) });
    }
  }

  /** Call when a closed segment's index is used: others may be dropped from memory for it. */
  touch(segment: Segment): void {
    this.#loaded.delete(segment);
    this.#loaded.add(segment);
    for (const oldest of this.#loaded) {
      if (this.#loaded.size <= LOADED_MAX) return;
      this.#loaded.delete(oldest);
      oldest.index.clear();
      oldest.indexedFrom = oldest.size;
    }
  }

  forget(segment: Segment): void {
    this.#loaded.delete(segment);
  }
}
