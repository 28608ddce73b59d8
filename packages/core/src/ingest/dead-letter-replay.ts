import type { AppendList } from './append-list.ts';
import { encodeSettled, type DeadLetter } from './dead-letters.ts';
import { IngestRequest, OUTCOME } from './ingest-request.ts';
import type { Companion } from './request-store.ts';

const CHUNK_LETTERS_MAX = 500;
const CHUNK_BYTES_MAX = 1024 * 1024;

/** What a replay of dead letters did. */
export interface ReplayReport {
  /** Letters that the filter chose. */
  readonly chosen: number;
  readonly accepted: number;
  readonly duplicates: number;
  /** Rejected again: they stay where they are. */
  readonly rejected: number;
  /** Not replayed, because only a part of the event was kept. */
  readonly incomplete: number;
}

export interface ReplayOptions {
  readonly letters: AsyncIterable<DeadLetter>;
  readonly filter: (letter: DeadLetter) => boolean;
  readonly receivedAtMs: number;
  readonly handle: (request: IngestRequest, companion: Companion) => Promise<void>;
}

/**
 * Takes dead letters again. Each commit also says which letters it settled, so that a letter is accepted once
 * however often it is replayed, and whatever happens in between.
 */
export async function replayDeadLetters(options: ReplayOptions): Promise<ReplayReport> {
  const report = { chosen: 0, accepted: 0, duplicates: 0, rejected: 0, incomplete: 0 };
  let chunk: DeadLetter[] = [];
  let bytes = 0;
  const finish = async () => {
    if (chunk.length > 0) await replayChunk(chunk, options, report);
    chunk = [];
    bytes = 0;
  };
  for await (const letter of options.letters) {
    if (letter.application !== undefined || !options.filter(letter)) continue;
    report.chosen++;
    if (!letter.isWhole) {
      report.incomplete++;
      continue;
    }
    const isFull = chunk.length >= CHUNK_LETTERS_MAX || bytes + letter.value.length > CHUNK_BYTES_MAX;
    if (isFull || (chunk[0] !== undefined && chunk[0].partition !== letter.partition)) await finish();
    chunk.push(letter);
    bytes += letter.value.length;
  }
  await finish();
  return report;
}

async function replayChunk(
  chunk: readonly DeadLetter[],
  options: ReplayOptions,
  report: { accepted: number; duplicates: number; rejected: number },
): Promise<void> {
  const { receivedAtMs } = options;
  const bounds = { starts: [] as number[], ends: [] as number[] };
  let end = 0;
  for (const { value } of chunk) {
    bounds.starts.push(end);
    bounds.ends.push((end += value.length));
  }
  const body = Buffer.concat(chunk.map(({ value }) => value));
  const request = new IngestRequest({ body, bounds, receivedAtMs, replayed: true });
  const { partition } = chunk[0]!;
  const companion = (events: readonly number[], list: AppendList) => {
    const offsets = events.map((event) => chunk[event]!.offset);
    if (offsets.length > 0)
      list.appends.push(encodeSettled(offsets, { partition, createdAtMs: receivedAtMs }));
  };
  await options.handle(request, companion);
  report.accepted += request.total(OUTCOME.stored);
  report.duplicates += request.total(OUTCOME.duplicate);
  report.rejected += request.rejections.length;
}
