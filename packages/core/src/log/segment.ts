import { SegmentIndex } from './segment-index.ts';

/** What the checkpoint remembers of a segment. */
export interface SegmentSummary {
  readonly baseOffset: number;
  readonly size: number;
  readonly firstAppendedAtMs: number;
  readonly lastAppendedAtMs: number;
}

/** One file of a partition: the batches from `baseOffset` on, as far as they are visible. */
export class Segment {
  readonly baseOffset: number;
  /** Bytes of visible batches; the file may be longer by ones that were never acknowledged. */
  size = 0;
  firstAppendedAtMs = -1;
  lastAppendedAtMs = -1;
  /** Its file is deleted, or about to be. */
  isRemoved = false;
  /** Complete for the batches at and after `indexedFrom`. */
  readonly index: SegmentIndex;
  indexedFrom = 0;
  readonly path: string;

  constructor(folder: string, baseOffset: number) {
    this.baseOffset = baseOffset;
    this.path = `${folder}/${segmentName(baseOffset)}`;
    this.index = new SegmentIndex(baseOffset);
  }

  static restore(folder: string, summary: SegmentSummary): Segment {
    const segment = new Segment(folder, summary.baseOffset);
    segment.size = summary.size;
    segment.firstAppendedAtMs = summary.firstAppendedAtMs;
    segment.lastAppendedAtMs = summary.lastAppendedAtMs;
    segment.indexedFrom = summary.size;
    return segment;
  }

  summary(): SegmentSummary {
    const { baseOffset, size, firstAppendedAtMs, lastAppendedAtMs } = this;
    return { baseOffset, size, firstAppendedAtMs, lastAppendedAtMs };
  }

  get logPath(): string {
    return `${this.path}.log`;
  }

  get indexPath(): string {
    return `${this.path}.places`;
  }
}

/** As Kafka names them: the base offset in twenty digits, without the extension. */
export function segmentName(baseOffset: number): string {
  return String(baseOffset).padStart(20, '0');
}

/** The base offset of a segment's file or of its index; undefined for any other name. */
export function baseOffsetOf(fileName: string): number | undefined {
  const match = /^(\d{20})\.(?:log|places)$/.exec(fileName);
  return match === null ? undefined : Number(match[1]);
}
