import type { File, FileSystem, Random } from '@millrace/core/base';
import { type FileOperation, systemError } from './fault.ts';
import { folderOf, type Node, type SimulatedFolders } from './simulated-folders.ts';
import { SimulatedInode } from './simulated-inode.ts';

/** One operation about to happen. */
export interface Step<Result> {
  readonly operation: FileOperation;
  readonly path: string;
  readonly happen: () => Result;
  /**
   * What a failing operation does all the same; a write: the share of its bytes that the fault lets through.
   */
  readonly onFault?: (stored: number) => void;
}

/** What programs share. */
interface Disk {
  readonly folders: SimulatedFolders;
  readonly locks: Set<string>;
  readonly freeBytes: number;
  readonly random: Random;
}

/** Lets an operation happen when its turn has come, or throws when it is made to fail. */
type Stepper = <Result>(step: Step<Result>) => Promise<Result>;

/** One program's view on a simulated disk. */
export class SimulatedFileSystem implements FileSystem {
  readonly #disk: Disk;
  readonly #step: Stepper;

  constructor(disk: Disk, step: Stepper) {
    this.#disk = disk;
    this.#step = step;
  }

  async open(path: string, options: { create?: boolean; truncate?: boolean } = {}): Promise<File> {
    const happen = () => {
      const { folders } = this.#disk;
      const found: Node | undefined = folders.get(path);
      if (found === 'folder') throw systemError('EISDIR', 'open', path);
      if (found !== undefined) {
        if (options.truncate) found.truncate(0);
        return found;
      }
      if (!options.create || !folders.hasFolderOf(path)) throw systemError('ENOENT', 'open', path);
      const made = new SimulatedInode();
      folders.change({ kind: 'add', path, node: made });
      return made;
    };
    const inode = await this.#step({ operation: 'open', path, happen });
    return new SimulatedFile({ disk: this.#disk, step: this.#step, path, inode });
  }

  list(folder: string): Promise<string[]> {
    const happen = () => this.#disk.folders.names(folder);
    return this.#step({ operation: 'list', path: folder, happen });
  }

  makeFolder(folder: string): Promise<void> {
    const happen = () => {
      const { folders } = this.#disk;
      const missing: string[] = [];
      for (let path = folder; path !== '' && folders.get(path) === undefined; path = folderOf(path)) {
        missing.unshift(path);
      }
      for (const path of missing) folders.change({ kind: 'add', path, node: 'folder' });
    };
    return this.#step({ operation: 'makeFolder', path: folder, happen });
  }

  remove(path: string): Promise<void> {
    const happen = () => {
      const { folders } = this.#disk;
      const node = folders.get(path);
      if (node === 'folder') throw systemError('EISDIR', 'remove', path);
      if (node !== undefined) folders.change({ kind: 'remove', path });
    };
    return this.#step({ operation: 'remove', path, happen });
  }

  removeFolder(folder: string): Promise<void> {
    const happen = () => {
      const { folders } = this.#disk;
      for (const path of folders.pathsUnder(folder).toReversed()) folders.change({ kind: 'remove', path });
    };
    return this.#step({ operation: 'removeFolder', path: folder, happen });
  }

  rename(from: string, to: string): Promise<void> {
    const happen = () => {
      const { folders } = this.#disk;
      if (folders.get(from) === undefined) throw systemError('ENOENT', 'rename', from);
      folders.change({ kind: 'rename', from, to });
    };
    return this.#step({ operation: 'rename', path: from, happen });
  }

  syncFolder(folder: string): Promise<void> {
    const happen = () => this.#disk.folders.sync(folder);
    return this.#step({ operation: 'syncFolder', path: folder, happen });
  }

  exists(path: string): Promise<boolean> {
    const happen = () => this.#disk.folders.get(path) !== undefined;
    return this.#step({ operation: 'exists', path, happen });
  }

  async lock(path: string): Promise<() => Promise<void>> {
    const { locks } = this.#disk;
    const take = () => {
      if (locks.has(path)) throw Object.assign(systemError('ELOCKED', 'lock', path), { pid: 1 });
      locks.add(path);
    };
    await this.#step({ operation: 'lock', path, happen: take });
    const release = () => void locks.delete(path);
    return () => this.#step({ operation: 'lock', path, happen: release });
  }
}

class SimulatedFile implements File {
  readonly #disk: Disk;
  readonly #step: Stepper;
  readonly #path: string;
  readonly #inode: SimulatedInode;
  #isOpen = true;

  constructor(options: { disk: Disk; step: Stepper; path: string; inode: SimulatedInode }) {
    this.#disk = options.disk;
    this.#step = options.step;
    this.#path = options.path;
    this.#inode = options.inode;
  }

  read(
    target: Uint8Array,
    options: { targetOffset: number; length: number; position: number },
  ): Promise<number> {
    const happen = () => {
      const bytes = this.#inode.read(options.position, options.length);
      target.set(bytes, options.targetOffset);
      return bytes.length;
    };
    return this.#begin({ operation: 'read', happen });
  }

  write(source: Uint8Array, position: number): Promise<void> {
    const onFault = (stored: number) =>
      this.#inode.write(position, source.subarray(0, stored * source.length));
    const happen = () => {
      const grown = Math.max(0, position + source.length - this.#inode.size);
      const free = Math.max(0, this.#disk.freeBytes);
      if (grown > free) {
        const kept = Math.floor(this.#disk.random.next() * Math.max(0, source.length - grown + free));
        this.#inode.write(position, source.subarray(0, kept));
        throw systemError('ENOSPC', 'write', this.#path);
      }
      this.#inode.write(position, source);
    };
    return this.#begin({ operation: 'write', happen, onFault });
  }

  sync(): Promise<void> {
    const onFault = () => this.#inode.failSync(this.#disk.random);
    return this.#begin({ operation: 'sync', happen: () => this.#inode.sync(), onFault });
  }

  truncate(length: number): Promise<void> {
    return this.#begin({ operation: 'truncate', happen: () => this.#inode.truncate(length) });
  }

  size(): Promise<number> {
    return this.#begin({ operation: 'size', happen: () => this.#inode.size });
  }

  close(): Promise<void> {
    return this.#begin({ operation: 'close', happen: () => void (this.#isOpen = false) });
  }

  #begin<Result>(step: Omit<Step<Result>, 'path'>): Promise<Result> {
    if (!this.#isOpen) return Promise.reject(systemError('EBADF', step.operation, this.#path));
    return this.#step({ ...step, path: this.#path });
  }
}
