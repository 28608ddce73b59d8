import { type FileSystem, readWhole, writeAtomically } from '../base/index.ts';
import type { Checksum } from './checksum.ts';
import { logError } from './errors.ts';
import { decodeDescription, encodeDescription, type GroupPosition, LogState } from './log-state.ts';
import type { PartitionSummary } from './partition-log.ts';

/**
 * Version of all files in a log's folder; 2 came with compression and compaction. A higher one is refused.
 */
export const FORMAT_VERSION = 2;

const TITLE = 'millrace-log';

interface CheckpointContents {
  readonly logId: string;
  readonly sequence: number;
  readonly journalFrom: number;
  readonly lastAppendedAtMs: number;
  readonly topics: readonly {
    readonly id: number;
    readonly description: string;
    readonly partitions: readonly PartitionSummary[];
  }[];
  readonly groups: readonly GroupPosition[];
}

/**
 * The state as it is now, for a file:
 *
 * ```
 * millrace-log FORMAT-VERSION CRC-32C-OF-THE-REST-IN-HEX
 * {"logId": …, "sequence": …, "journalFrom": …, "topics": […], "groups": […]}
 * ```
 */
export function encodeCheckpoint(state: LogState, checksum: Checksum): Uint8Array {
  const contents: CheckpointContents = {
    logId: Buffer.from(state.logId).toString('hex'),
    sequence: state.sequence,
    journalFrom: state.journalFrom,
    lastAppendedAtMs: state.lastAppendedAtMs,
    topics: state.topics().map(({ id, description, partitions }) => ({
      id,
      description: encodeDescription(description),
      partitions: partitions.map((partition) => partition.summary()),
    })),
    groups: state.groupPositions(),
  };
  const body = Buffer.from(`${JSON.stringify(contents)}\n`);
  return Buffer.concat([Buffer.from(`${TITLE} ${FORMAT_VERSION} ${checksum(body).toString(16)}\n`), body]);
}

export async function writeCheckpoint(files: FileSystem, path: string, encoded: Uint8Array): Promise<void> {
  await writeAtomically(files, path, encoded);
}

/** Undefined when there is none. `LOG_CORRUPT_METADATA` and `LOG_UNSUPPORTED_FORMAT` as their names say. */
export async function readCheckpoint(options: {
  readonly files: FileSystem;
  readonly path: string;
  readonly segmentsFolder: string;
  readonly checksum: Checksum;
}): Promise<LogState | undefined> {
  const { files, path, checksum } = options;
  const bytes = await readWhole(files, path);
  if (bytes === undefined) return undefined;
  const titleEnd = bytes.indexOf(0x0a);
  const [title, version, crc] = Buffer.from(bytes.subarray(0, Math.max(0, titleEnd)))
    .toString()
    .split(' ');
  const details = { file: path };
  if (title !== TITLE || !/^\d+$/.test(version ?? '')) throw logError('LOG_CORRUPT_METADATA', { details });
  checkFormat(Number(version), path);
  const body = bytes.subarray(titleEnd + 1);
  if (checksum(body).toString(16) !== crc) throw logError('LOG_CORRUPT_METADATA', { details });
  return restoreState(JSON.parse(Buffer.from(body).toString()) as CheckpointContents, options.segmentsFolder);
}

/** `LOG_UNSUPPORTED_FORMAT` for a version that this program does not know. */
export function checkFormat(version: number, file: string): void {
  if (version <= FORMAT_VERSION) return;
  throw logError('LOG_UNSUPPORTED_FORMAT', {
    message: `${file} has format ${version}; this version knows formats up to ${FORMAT_VERSION}.`,
    details: { file, found: version, known: FORMAT_VERSION },
  });
}

function restoreState(contents: CheckpointContents, segmentsFolder: string): LogState {
  const state = new LogState(new Uint8Array(Buffer.from(contents.logId, 'hex')), segmentsFolder);
  state.sequence = contents.sequence;
  state.journalFrom = contents.journalFrom;
  state.lastAppendedAtMs = contents.lastAppendedAtMs;
  for (const { id, description, partitions } of contents.topics) {
    const topic = state.putTopic(id, decodeDescription(description));
    partitions.forEach((summary, i) => topic.partitions[i]!.restore(summary));
  }
  for (const position of contents.groups) state.putGroupOffset(position);
  return state;
}
