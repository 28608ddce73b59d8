import { watch, type FSWatcher } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { type Clock, messageOf } from '@millrace/core/base';
import type { LiveReport } from '@millrace/core/live';
import type { DashboardEntry, DashboardsReport } from '../wire/index.ts';
import { readDashboard, type QueryCheck } from './dashboard-file.ts';

export interface DashboardFolderOptions {
  /** Undefined when the project has none. */
  readonly folder: string | undefined;
  /** How problems name the files, such as `dashboards`. */
  readonly shownAs: string;
  readonly check: QueryCheck;
  readonly clock: Clock;
}

interface KnownFile {
  readonly text: string;
  readonly entry: DashboardEntry;
}

// An editor writes a file in several steps; what stands there in between is nobody's business.
const settleMs = 40;
// Some file systems announce nothing.
const lookAgainMs = 1_000;

/**
 * The dashboards of a project. A saved file is read within milliseconds; a broken one keeps its last good
 * version.
 */
export class DashboardFolder implements LiveReport {
  readonly #options: DashboardFolderOptions;
  readonly #listeners = new Set<() => void>();
  #files = new Map<string, KnownFile>();
  #report: DashboardsReport = {};
  #watcher: FSWatcher | undefined;
  #cancelTimer = () => {};
  #dueMs = Number.POSITIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: DashboardFolderOptions) {
    this.#options = options;
  }

  static async open(options: DashboardFolderOptions): Promise<DashboardFolder> {
    const folder = new DashboardFolder(options);
    await folder.#look();
    folder.#plan(lookAgainMs);
    return folder;
  }

  read(): DashboardsReport {
    return this.#report;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Looks after `delayMs`; a sooner plan replaces a later one, and one made during a look comes after it. */
  #plan(delayMs: number): void {
    const { clock, folder } = this.#options;
    const dueMs = clock.monotonicMs() + delayMs;
    if (this.#closed || folder === undefined || this.#dueMs <= dueMs) return;
    this.#cancelTimer();
    this.#dueMs = dueMs;
    this.#cancelTimer = clock.schedule(() => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#looking = this.#looking.then(() => this.#look()).then(() => this.#plan(lookAgainMs));
    }, delayMs);
  }

  async #look(): Promise<void> {
    const { folder } = this.#options;
    if (folder === undefined || this.#closed) return;
    this.#listen(folder);
    const names: string[] = await readdir(folder).catch(() => []);
    const files = new Map<string, KnownFile>();
    for (const name of names.toSorted()) {
      if (!['.yml', '.yaml'].includes(extname(name))) continue;
      const known = this.#files.get(name);
      const text = await readFile(join(folder, name), 'utf8').catch(
        (error: unknown) => new Error(messageOf(error)),
      );
      files.set(
        name,
        known !== undefined && known.text === String(text) ? known : this.#readFile(name, text),
      );
    }
    const same =
      files.size === this.#files.size && [...files].every(([name, file]) => this.#files.get(name) === file);
    if (same) return;
    this.#files = files;
    this.#report = reportOf([...files.values()]);
    for (const listener of this.#listeners) listener();
  }

  #readFile(name: string, text: string | Error): KnownFile {
    const file = `${this.#options.shownAs}/${name}`;
    const read =
      text instanceof Error
        ? { dashboard: undefined, problems: [{ file, line: 1, column: 1, message: text.message }] }
        : readDashboard(file, text, this.#options.check);
    const dashboard = read.dashboard ?? this.#files.get(name)?.entry.dashboard;
    const entry: DashboardEntry = {
      name: basename(name, extname(name)),
      file,
      problems: read.problems,
      ...(dashboard === undefined ? {} : { dashboard }),
    };
    return { text: String(text), entry };
  }

  #listen(folder: string): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(folder, () => this.#plan(settleMs));
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch {
      // The folder is not there (yet): looking again finds it.
      this.#watcher = undefined;
    }
  }
}

function reportOf(files: readonly KnownFile[]): DashboardsReport {
  const orderOf = ({ dashboard }: DashboardEntry) => dashboard?.order ?? 100;
  const entries = files.map(({ entry }) => entry).toSorted((one, other) => orderOf(one) - orderOf(other));
  return Object.fromEntries(entries.map((entry) => [entry.name, entry]));
}
