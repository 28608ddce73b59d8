import { SegmentIndex } from './segment-index.ts';

/** What the checkpoint remembers of a segment. */
export interface SegmentSummary {
  readonly baseOffset: number;
  readonly size: number;
  readonly firstAppendedAtMs: number;
  readonly lastAppendedAtMs: number;
  /** How often compaction has written it anew. Absent in checkpoints of format 1. */
  readonly generation?: number;
  /** When compaction had passed over all of it; -1: not yet. */
  readonly cleanedAtMs?: number;
}

/** One file of a partition: the batches from `baseOffset` on, as far as they are visible. */
export class Segment {
  readonly baseOffset: number;
  /** Bytes of visible batches; the file may be longer by ones that were never acknowledged. */
  size = 0;
  firstAppendedAtMs = -1;
  lastAppendedAtMs = -1;
  /** When compaction had passed over all of it; -1: not yet. */
  cleanedAtMs = -1;
  /** Its file is deleted, or about to be. */
  isRemoved = false;
  /** Complete for the batches at and after `indexedFrom`. */
  readonly index: SegmentIndex;
  indexedFrom = 0;
  readonly path: string;
  readonly generation: number;

  constructor(folder: string, baseOffset: number, generation = 0) {
    this.baseOffset = baseOffset;
    this.generation = generation;
    this.path = `${folder}/${segmentName(baseOffset, generation)}`;
    this.index = new SegmentIndex(baseOffset);
  }

  static restore(folder: string, summary: SegmentSummary): Segment {
    const segment = new Segment(folder, summary.baseOffset, summary.generation);
    segment.size = summary.size;
    segment.firstAppendedAtMs = summary.firstAppendedAtMs;
    segment.lastAppendedAtMs = summary.lastAppendedAtMs;
    segment.cleanedAtMs = summary.cleanedAtMs ?? -1;
    segment.indexedFrom = summary.size;
    return segment;
  }

  summary(): Required<SegmentSummary> {
    const { baseOffset, size, firstAppendedAtMs, lastAppendedAtMs, generation, cleanedAtMs } = this;
    return { baseOffset, size, firstAppendedAtMs, lastAppendedAtMs, generation, cleanedAtMs };
  }

  get logPath(): string {
    return `${this.path}.log`;
  }

  get indexPath(): string {
    return `${this.path}.places`;
  }
}

/**
 * As Kafka names them: the base offset in twenty digits, without the extension. Files that compaction wrote
 * have its generation behind that.
 */
export function segmentName(baseOffset: number, generation = 0): string {
  const name = String(baseOffset).padStart(20, '0');
  return generation === 0 ? name : `${name}.${generation}`;
}

/** The name without the extension of a segment's file or of its index; undefined for any other name. */
export function segmentNameOf(fileName: string): string | undefined {
  return /^(\d{20}(?:\.\d+)?)\.(?:log|places)$/.exec(fileName)?.[1];
}
