/**
 * The few file operations that durable rooms need, so that a simulator can tear, lose and fail them.
 * Every failure of the operating system comes through as thrown with its `code` (`ENOSPC`, `EIO`, …).
 */
export interface FileSystem {
  /** Opens for reading and writing; `create` makes an empty file when there is none. */
  open(path: string, options?: { create?: boolean; truncate?: boolean }): Promise<File>;
  /** Names (not paths) of the folder's entries, sorted; empty when the folder does not exist. */
  list(folder: string): Promise<string[]>;
  makeFolder(folder: string): Promise<void>;
  /** Removes a file; none there is fine. */
  remove(path: string): Promise<void>;
  /** Removes a folder and all in it; none there is fine. */
  removeFolder(folder: string): Promise<void>;
  /** Atomic; replaces the target. Durable only after `syncFolder`. */
  rename(from: string, to: string): Promise<void>;
  /** Makes creations, removals and renames in the folder durable. */
  syncFolder(folder: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /**
   * Takes the lock of this path, which nobody else has, in this process or another, until the returned
   * function is called or the process ends. Rejects with the code `ELOCKED` and the holder's `pid` while
   * somebody has it.
   */
  lock(path: string): Promise<() => Promise<void>>;
}

export interface File {
  /**
   * Reads up to `length` bytes at `position` into `target` at `targetOffset`; returns how many there were.
   */
  read(
    target: Uint8Array,
    options: { targetOffset: number; length: number; position: number },
  ): Promise<number>;
  /** Writes all of `source` at `position`. */
  write(source: Uint8Array, position: number): Promise<void>;
  /** fdatasync: contents and size are durable when it resolves. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Writes a whole small file so that a crash leaves the old or the new contents, never a mixture. */
export async function writeAtomically(files: FileSystem, path: string, contents: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  const file = await files.open(temporary, { create: true, truncate: true });
  try {
    await file.write(contents, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(temporary, path);
  await files.syncFolder(path.slice(0, path.lastIndexOf('/')));
}

/** Reads a whole small file; undefined when there is none. */
export async function readWhole(files: FileSystem, path: string): Promise<Uint8Array | undefined> {
  if (!(await files.exists(path))) return undefined;
  const file = await files.open(path);
  try {
    const contents = new Uint8Array(await file.size());
    let position = 0;
    while (position < contents.length) {
      const length = contents.length - position;
      const count = await file.read(contents, { targetOffset: position, length, position });
      if (count === 0) break;
      position += count;
    }
    return contents.subarray(0, position);
  } finally {
    await file.close();
  }
}
