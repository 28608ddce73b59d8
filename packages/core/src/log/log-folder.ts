import { type FileSystem, type Random, readWhole, seededRandom, writeAtomically } from '../base/index.ts';
import {
  checkFormat,
  encodeCheckpoint,
  FORMAT_VERSION,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import type { Checksum } from './checksum.ts';
import type { EmbeddedLogOptions } from './embedded-options.ts';
import { logError } from './errors.ts';
import { LOG_ID_BYTES } from './journal-frame.ts';
import { journalNumbers } from './journal.ts';
import { LogState } from './log-state.ts';

/**
 * What lies where:
 *
 * ```
 * FOLDER/lock                                   the process that has the log open
 * FOLDER/format                                 the version of the format, as text
 * FOLDER/checkpoint                             topics, segments and group offsets after a frame
 * FOLDER/journal/<20 digits>.journal            frames since the checkpoint
 * FOLDER/segments/<topic>-<partition>/<20-digit base offset>.log      as Kafka lays them
 * FOLDER/segments/<topic>-<partition>/<20-digit base offset>.places   sparse index
 * ```
 */
export class LogFolder {
  readonly path: string;
  readonly journal: string;
  readonly segments: string;
  readonly checkpoint: string;
  readonly #format: string;
  readonly #files: FileSystem;

  constructor(path: string, files: FileSystem) {
    this.path = path;
    this.journal = `${path}/journal`;
    this.segments = `${path}/segments`;
    this.checkpoint = `${path}/checkpoint`;
    this.#format = `${path}/format`;
    this.#files = files;
  }

  /** `LOG_LOCKED` while somebody else has it. */
  async lock(): Promise<() => Promise<void>> {
    await this.#make();
    try {
      return await this.#files.lock(`${this.path}/lock`);
    } catch (error) {
      const { code, pid } = error as { code?: unknown; pid?: unknown };
      if (code !== 'ELOCKED') throw error;
      throw logError('LOG_LOCKED', {
        message: `The log in ${this.path} is open in process ${String(pid)}.`,
        details: { folder: this.path, pid },
        cause: error,
      });
    }
  }

  /** The state of the last checkpoint; of an empty folder a new one, which is made durable. */
  async load(
    options: Pick<EmbeddedLogOptions, 'clock' | 'random'> & { checksum: Checksum },
  ): Promise<LogState> {
    const { checksum } = options;
    const files = this.#files;
    const format = await readWhole(files, this.#format);
    if (format !== undefined) checkFormat(Number(Buffer.from(format).toString()), this.#format);
    const { checkpoint: path, segments: segmentsFolder } = this;
    const stored = await readCheckpoint({ files, path, segmentsFolder, checksum });
    if (stored === undefined) await this.#refuseContents(format !== undefined);
    await files.makeFolder(this.journal);
    await files.makeFolder(this.segments);
    const state =
      stored ?? new LogState(newLogId(options.random ?? seededRandom(seedOf(options))), segmentsFolder);
    if (stored === undefined) await writeCheckpoint(files, path, encodeCheckpoint(state, checksum));
    if (format === undefined) await writeAtomically(files, this.#format, Buffer.from(`${FORMAT_VERSION}\n`));
    await files.syncFolder(this.path);
    return state;
  }

  /** Makes the folder and those that it is in, durably: what is kept in it must not be lost with it. */
  async #make(): Promise<void> {
    const made: string[] = [];
    for (
      let folder = this.path;
      folder !== '' && !(await this.#files.exists(folder));
      folder = parentOf(folder)
    ) {
      made.push(folder);
    }
    await this.#files.makeFolder(this.path);
    for (const folder of made) await this.#files.syncFolder(parentOf(folder));
  }

  /** Without a checkpoint there must be nothing that one would speak of. */
  async #refuseContents(hasFormat: boolean): Promise<void> {
    const segments = await this.#files.list(this.segments);
    const journals = await journalNumbers(this.#files, this.journal);
    if (!hasFormat && segments.length === 0 && journals.length === 0) return;
    throw logError('LOG_CORRUPT_METADATA', {
      message: `${this.checkpoint} is missing, but there is data beside it.`,
      details: { file: this.checkpoint },
    });
  }
}

function parentOf(folder: string): string {
  return folder.slice(0, Math.max(0, folder.lastIndexOf('/')));
}

function seedOf(options: Pick<EmbeddedLogOptions, 'clock'>): number {
  return (options.clock.nowMs() ^ (options.clock.monotonicMs() * 1e6)) | 0;
}

function newLogId(random: Random): Uint8Array {
  return Uint8Array.from({ length: LOG_ID_BYTES }, () => random.next() * 256);
}
