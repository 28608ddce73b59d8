import { readWhole, writeAtomically, type FileSystem } from '../base/index.ts';
import { decodeBlocks, DedupJournal, type JournalBlock } from './dedup-journal.ts';
import type { HashKey } from './event-id-hash.ts';
import { IdSegment } from './id-segment.ts';

const VERSION = 1;
const MANIFEST = 'manifest.json';

/** What the manifest says; everything else in the folder is left over from a crash. */
interface Manifest {
  readonly version: number;
  readonly topic: string;
  readonly idField: string;
  readonly key: HashKey;
  readonly journal: string;
  readonly nextSequence: number;
  /** Ids that arrived before are not all in the index; null when all are. */
  readonly coveredSinceMs: number | null;
  readonly segments: readonly { readonly sequence: number; readonly sinceMs: number }[];
}

/** A checkpoint as it was read back. */
export interface StoredIndex {
  readonly key: HashKey;
  readonly nextSequence: number;
  readonly coveredSinceMs: number;
  readonly segments: IdSegment[];
  readonly blocks: readonly JournalBlock[];
}

export interface DedupStoreOptions {
  readonly files: FileSystem;
  readonly folder: string;
  readonly topic: string;
  readonly idField: string;
}

/**
 * The files of one topic's deduplication index: a manifest, sealed segments, and the journal of what is not
 * sealed.
 */
export class DedupStore {
  readonly #options: DedupStoreOptions;
  #journal: DedupJournal | undefined;
  #journalNumber = 0;

  constructor(options: DedupStoreOptions) {
    this.#options = options;
  }

  pathOf(sequence: number): string {
    return `${this.#options.folder}/segment-${sequence}`;
  }

  /** The last checkpoint; undefined when there is none or any part of it is damaged: the log has it all. */
  async load(): Promise<StoredIndex | undefined> {
    const { files, folder } = this.#options;
    await files.makeFolder(folder);
    const manifest = await this.#readManifest();
    if (manifest === undefined) return undefined;
    this.#journalNumber = numberOf(manifest.journal);
    const journal = await readWhole(files, `${folder}/${manifest.journal}`);
    if (journal === undefined) return undefined;
    const segments: IdSegment[] = [];
    for (const { sequence, sinceMs } of manifest.segments) {
      const segment = await IdSegment.open(files, { path: this.pathOf(sequence), sequence, sinceMs });
      if (segment === undefined) {
        for (const opened of segments) await opened.retire();
        return undefined;
      }
      segments.push(segment);
    }
    const { key, nextSequence } = manifest;
    const coveredSinceMs = manifest.coveredSinceMs ?? -Infinity;
    return { key, nextSequence, coveredSinceMs, segments, blocks: decodeBlocks(journal) };
  }

  /**
   * Replaces the checkpoint: a new journal that begins with `block`, and the list of segments. A crash leaves
   * the old one or the new one. Files that neither names are removed.
   */
  async replace(
    index: Pick<StoredIndex, 'key' | 'nextSequence' | 'coveredSinceMs'> & {
      readonly segments: readonly IdSegment[];
    },
    block: JournalBlock,
  ): Promise<void> {
    const { files, folder, topic, idField } = this.#options;
    const name = `journal-${++this.#journalNumber}`;
    const journal = await DedupJournal.create(files, `${folder}/${name}`, block);
    const manifest: Manifest = {
      version: VERSION,
      topic,
      idField,
      key: index.key,
      journal: name,
      nextSequence: index.nextSequence,
      coveredSinceMs: Number.isFinite(index.coveredSinceMs) ? index.coveredSinceMs : null,
      segments: index.segments.map(({ sequence, sinceMs }) => ({ sequence, sinceMs })),
    };
    const kept = new Set([MANIFEST, name, ...manifest.segments.map(({ sequence }) => `segment-${sequence}`)]);
    try {
      await writeAtomically(
        files,
        `${folder}/${MANIFEST}`,
        new TextEncoder().encode(JSON.stringify(manifest, null, 2)),
      );
    } catch (error) {
      await journal.close();
      throw error;
    }
    await this.#journal?.close();
    this.#journal = journal;
    for (const left of await files.list(folder)) {
      if (!kept.has(left)) await files.remove(`${folder}/${left}`);
    }
  }

  /** Adds to the journal. */
  async append(block: JournalBlock): Promise<void> {
    await this.#journal?.append(block);
  }

  async close(): Promise<void> {
    await this.#journal?.close();
    this.#journal = undefined;
  }

  async #readManifest(): Promise<Manifest | undefined> {
    const { files, folder, topic, idField } = this.#options;
    const contents = await readWhole(files, `${folder}/${MANIFEST}`);
    if (contents === undefined) return undefined;
    try {
      const manifest = JSON.parse(new TextDecoder().decode(contents)) as Manifest;
      const fits = manifest.version === VERSION && manifest.topic === topic && manifest.idField === idField;
      return fits ? manifest : undefined;
    } catch {
      return undefined;
    }
  }
}

function numberOf(name: string): number {
  const number = Number(name.slice(name.lastIndexOf('-') + 1));
  return Number.isSafeInteger(number) ? number : 0;
}
