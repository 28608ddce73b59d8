import type { File, FileSystem } from '../base/index.ts';

const OPEN_FILES_MAX = 256;

interface Handle {
  readonly file: Promise<File>;
  users: number;
  isRemoved: boolean;
}

/** Open segment files, each opened once and shared; the least recently used are closed beyond a limit. */
export class SegmentFiles {
  readonly #files: FileSystem;
  readonly #handles = new Map<string, Handle>();
  readonly #folders = new Set<string>();
  /** Folders that got entries which are not durable yet. */
  readonly #unsyncedFolders = new Set<string>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** Lets `work` use the file at `path`; with `create`, makes it and its folder when there is none. */
  async use<Result>(
    path: string,
    options: { readonly create: boolean },
    work: (file: File) => Promise<Result>,
  ): Promise<Result> {
    const handle = this.#handles.get(path) ?? this.#open(path, options.create);
    this.#handles.delete(path);
    this.#handles.set(path, handle);
    handle.users++;
    try {
      return await work(await handle.file);
    } finally {
      handle.users--;
      if (handle.isRemoved && handle.users === 0) await (await handle.file).close();
      else await this.#trim();
    }
  }

  /** The bytes from `position` on, fewer than `length` only where the file ends. */
  async read(path: string, position: number, length: number): Promise<Uint8Array> {
    return this.use(path, { create: false }, async (file) => {
      const bytes = Buffer.allocUnsafeSlow(length);
      let count = 0;
      while (count < length) {
        const options = { targetOffset: count, length: length - count, position: position + count };
        const got = await file.read(bytes, options);
        if (got === 0) break;
        count += got;
      }
      return bytes.subarray(0, count);
    });
  }

  /**
   * Makes the file end at `length`; returns how many bytes it lacks (negative: how many were cut off). Not
   * synced: a sync that fails must end the log, whoever asked for it, so syncing is left to the writer.
   */
  async cut(path: string, length: number): Promise<number> {
    return this.use(path, { create: false }, async (file) => {
      const missing = length - (await file.size());
      if (missing < 0) await file.truncate(length);
      return missing;
    });
  }

  /** Makes the file's contents durable, and that it exists. */
  async sync(path: string): Promise<void> {
    await this.use(path, { create: false }, (file) => file.sync());
    await this.syncFolders();
  }

  /** The next `syncFolders` syncs this folder and the one that it is in. */
  noteChanged(folder: string): void {
    this.#unsyncedFolders.add(folder);
    this.#unsyncedFolders.add(folderOf(folder));
  }

  /** Makes durable which files there are. Outer folders first, so that none is lost with its parent. */
  async syncFolders(): Promise<void> {
    const folders = [...this.#unsyncedFolders].toSorted();
    for (const folder of folders) {
      await this.#files.syncFolder(folder);
      this.#unsyncedFolders.delete(folder);
    }
  }

  async remove(path: string): Promise<void> {
    const handle = this.#handles.get(path);
    this.#handles.delete(path);
    if (handle !== undefined) {
      handle.isRemoved = true;
      if (handle.users === 0) await (await handle.file).close();
    }
    await this.#files.remove(path);
  }

  async close(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) await (await handle.file).close();
  }

  #open(path: string, create: boolean): Handle {
    const handle: Handle = { file: this.#openFile(path, create), users: 0, isRemoved: false };
    this.#handles.set(path, handle);
    handle.file.catch(() => {
      if (this.#handles.get(path) === handle) this.#handles.delete(path);
    });
    return handle;
  }

  async #openFile(path: string, create: boolean): Promise<File> {
    if (!create || (await this.#files.exists(path))) return this.#files.open(path);
    const folder = folderOf(path);
    if (!this.#folders.has(folder)) {
      await this.#files.makeFolder(folder);
      this.#folders.add(folder);
      this.noteChanged(folder);
    }
    const file = await this.#files.open(path, { create: true });
    this.#unsyncedFolders.add(folder);
    return file;
  }

  async #trim(): Promise<void> {
    for (const [path, handle] of this.#handles) {
      if (this.#handles.size <= OPEN_FILES_MAX) return;
      if (handle.users > 0) continue;
      this.#handles.delete(path);
      await (await handle.file).close();
    }
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
