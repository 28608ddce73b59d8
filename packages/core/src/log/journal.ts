import type { Clock, File, FileSystem, Histogram, Logger, Meter } from '../base/index.ts';
import { messageOf } from '../base/index.ts';

const ZEROS_BYTES = 1 << 20;

/** A journal file that no frame is written to any more. */
interface FullFile {
  readonly number: number;
  /** All its frames are at most this. */
  readonly lastSequence: number;
  readonly bytes: number;
}

export interface JournalOptions {
  readonly files: FileSystem;
  readonly folder: string;
  /** Size that a file is made with. It may grow beyond it. */
  readonly fileBytes: number;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
}

/**
 * The file that makes commits durable: frames one after the other, each written and synced before the next.
 * Files are made full of zeros, and are used again when a checkpoint has made their frames unnecessary: so a
 * sync writes data only and no new length or place, which halves its tail latency (`docs/design/log.md`).
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #syncDuration: Histogram;
  #file: File;
  #number: number;
  #position = 0;
  #writtenBytes = 0;
  #lastSequence: number;
  #full: FullFile[] = [];
  #next: { readonly number: number; readonly file: File } | undefined;
  #preparing: Promise<void> | undefined;

  private constructor(options: JournalOptions, first: { file: File; number: number; sequence: number }) {
    this.#options = options;
    this.#file = first.file;
    this.#number = first.number;
    this.#lastSequence = first.sequence;
    this.#syncDuration = options.meter.histogram('log_sync_duration_ms', 'Time of one sync of the journal.', {
      buckets: [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 250, 500, 1000],
    });
  }

  /**
   * A journal whose next frame comes after that of the checkpoint. All frames in the files that exist have
   * become unnecessary: the files are used again.
   */
  static async start(
    options: JournalOptions,
    checkpoint: { readonly sequence: number; readonly journalFrom: number },
  ): Promise<Journal> {
    const { files, folder } = options;
    const { sequence } = checkpoint;
    const numbers = await journalNumbers(files, folder);
    const number = Math.max((numbers.at(-1) ?? 0) + 1, checkpoint.journalFrom);
    const reused = numbers[0];
    const path = journalPath(folder, number);
    if (reused !== undefined) await files.rename(journalPath(folder, reused), path);
    const file = await files.open(path, { create: true });
    if (reused === undefined) await fillWithZeros(file, options.fileBytes);
    await file.sync();
    await files.syncFolder(folder);
    const journal = new Journal(options, { file, number, sequence });
    journal.#full = numbers.slice(1).map((old) => ({ number: old, lastSequence: sequence, bytes: 0 }));
    await journal.release(sequence);
    return journal;
  }

  /** Bytes in frames that no checkpoint has made unnecessary. */
  get liveBytes(): number {
    return this.#full.reduce((sum, { bytes }) => sum + bytes, this.#position);
  }

  /** The file to which the next frame goes. */
  get number(): number {
    return this.#number;
  }

  /** The number of the file with which the next program’s journal begins, when this one is closed now. */
  get nextStart(): number {
    return (this.#next?.number ?? this.#number) + 1;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Writes a frame behind the last synced one. When it rejects, the next frame takes its place. */
  async write(frame: Uint8Array): Promise<void> {
    await this.#file.write(frame, this.#position);
    this.#writtenBytes = frame.length;
  }

  /** Makes the written frame durable. When it rejects, nothing can be said about the file any more. */
  async sync(): Promise<void> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    await this.#file.sync();
    this.#syncDuration.observe(clock.monotonicMs() - startMs);
    this.#position += this.#writtenBytes;
    this.#writtenBytes = 0;
    this.#lastSequence++;
  }

  /**
   * Lets further frames go to another file, if one is ready, so that this one can be released. Not between
   * `write` and the end of `sync`.
   */
  roll(): void {
    if (this.#position === 0) return;
    if (this.#next === undefined) {
      this.prepareNext();
      return;
    }
    const old = this.#file;
    this.#full.push({ number: this.#number, lastSequence: this.#lastSequence, bytes: this.#position });
    this.#file = this.#next.file;
    this.#number = this.#next.number;
    this.#position = 0;
    this.#next = undefined;
    old.close().catch((error: unknown) => this.#warn('A journal file could not be closed', error));
  }

  /** Frames up to `sequence` are not needed any more: their files become the next ones, or are removed. */
  async release(sequence: number): Promise<void> {
    const { files, folder, fileBytes } = this.#options;
    const released = this.#full.filter((file) => file.lastSequence <= sequence);
    this.#full = this.#full.filter((file) => file.lastSequence > sequence);
    for (const { number, bytes } of released) {
      const path = journalPath(folder, number);
      const isUsable = this.#next === undefined && this.#preparing === undefined && bytes <= fileBytes * 2;
      if (isUsable) await this.#prepare(path);
      else await files.remove(path);
    }
    if (released.length > 0) await files.syncFolder(folder);
    this.prepareNext();
  }

  /** Makes the next file in the background, if there is none. */
  prepareNext(): void {
    if (this.#next !== undefined || this.#preparing !== undefined) return;
    this.#preparing = this.#prepare(undefined)
      .catch((error: unknown) => this.#warn('The next journal file could not be made', error))
      .finally(() => (this.#preparing = undefined));
  }

  async #prepare(reusedPath: string | undefined): Promise<void> {
    const { files, folder, fileBytes } = this.#options;
    const number = this.#number + 1;
    const path = journalPath(folder, number);
    if (reusedPath !== undefined) await files.rename(reusedPath, path);
    const file = await files.open(path, { create: true });
    try {
      if (reusedPath === undefined) await fillWithZeros(file, fileBytes);
      await file.sync();
      await files.syncFolder(folder);
    } catch (error) {
      // Half of a file would hold the space that the log may need to go on.
      await file.close();
      await files.remove(path);
      throw error;
    }
    this.#next = { number, file };
  }

  /** Resolves when no file is being made. */
  async prepared(): Promise<void> {
    await this.#preparing;
  }

  async close(): Promise<void> {
    await this.#preparing;
    await this.#file.close();
    await this.#next?.file.close();
  }

  #warn(message: string, error: unknown): void {
    this.#options.logger.warn(message, { folder: this.#options.folder, cause: messageOf(error) });
  }
}

async function fillWithZeros(file: File, bytes: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(bytes, ZEROS_BYTES));
  for (let position = 0; position < bytes; position += zeros.length) {
    await file.write(zeros.subarray(0, Math.min(zeros.length, bytes - position)), position);
  }
}

/** The numbers of the journal's files, in the order in which they were begun. */
export async function journalNumbers(files: FileSystem, folder: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await files.list(folder)) {
    const match = /^(\d{20})\.journal$/.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
  }
  return numbers;
}

export function journalPath(folder: string, number: number): string {
  return `${folder}/${String(number).padStart(20, '0')}.journal`;
}
