import type { File, FileSystem } from '@millrace/core/base';
import { systemError } from './fault.ts';
import type { SimulatedDisk, Step } from './simulated-disk.ts';
import { folderOf } from './simulated-folders.ts';
import { SimulatedInode } from './simulated-inode.ts';

/** Waits until an operation's turn has come; throws when it is made to fail. */
type Stepper = (step: Step) => Promise<void>;

/** One program's view on a simulated disk. */
export class SimulatedFileSystem implements FileSystem {
  readonly #disk: SimulatedDisk;
  readonly #step: Stepper;

  constructor(disk: SimulatedDisk, step: Stepper) {
    this.#disk = disk;
    this.#step = step;
  }

  async open(path: string, options: { create?: boolean; truncate?: boolean } = {}): Promise<File> {
    await this.#step({ operation: 'open', path });
    const { folders } = this.#disk;
    let node = folders.get(path);
    if (node === 'folder') throw systemError('EISDIR', 'open', path);
    if (node === undefined) {
      if (!options.create || !folders.hasFolderOf(path)) throw systemError('ENOENT', 'open', path);
      node = new SimulatedInode();
      folders.change({ kind: 'add', path, node });
    } else if (options.truncate) {
      node.truncate(0);
    }
    return new SimulatedFile({ disk: this.#disk, step: this.#step, path, inode: node });
  }

  async list(folder: string): Promise<string[]> {
    await this.#step({ operation: 'list', path: folder });
    return this.#disk.folders.names(folder);
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#step({ operation: 'makeFolder', path: folder });
    const { folders } = this.#disk;
    const missing: string[] = [];
    for (let path = folder; path !== '' && folders.get(path) === undefined; path = folderOf(path))
      missing.unshift(path);
    for (const path of missing) folders.change({ kind: 'add', path, node: 'folder' });
  }

  async remove(path: string): Promise<void> {
    await this.#step({ operation: 'remove', path });
    const node = this.#disk.folders.get(path);
    if (node === 'folder') throw systemError('EISDIR', 'remove', path);
    if (node !== undefined) this.#disk.folders.change({ kind: 'remove', path });
  }

  async removeFolder(folder: string): Promise<void> {
    await this.#step({ operation: 'removeFolder', path: folder });
    for (const path of this.#disk.folders.pathsUnder(folder).toReversed()) {
      this.#disk.folders.change({ kind: 'remove', path });
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step({ operation: 'rename', path: from });
    if (this.#disk.folders.get(from) === undefined) throw systemError('ENOENT', 'rename', from);
    this.#disk.folders.change({ kind: 'rename', from, to });
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#step({ operation: 'syncFolder', path: folder });
    this.#disk.folders.sync(folder);
  }

  async exists(path: string): Promise<boolean> {
    await this.#step({ operation: 'exists', path });
    return this.#disk.folders.get(path) !== undefined;
  }

  async lock(path: string): Promise<() => Promise<void>> {
    await this.#step({ operation: 'lock', path });
    const { locks } = this.#disk;
    if (locks.has(path)) throw Object.assign(systemError('ELOCKED', 'lock', path), { pid: 1 });
    locks.add(path);
    return async () => {
      await this.#step({ operation: 'lock', path });
      locks.delete(path);
    };
  }
}

class SimulatedFile implements File {
  readonly #disk: SimulatedDisk;
  readonly #step: Stepper;
  readonly #path: string;
  readonly #inode: SimulatedInode;
  #isOpen = true;

  constructor(options: { disk: SimulatedDisk; step: Stepper; path: string; inode: SimulatedInode }) {
    this.#disk = options.disk;
    this.#step = options.step;
    this.#path = options.path;
    this.#inode = options.inode;
  }

  async read(
    target: Uint8Array,
    options: { targetOffset: number; length: number; position: number },
  ): Promise<number> {
    await this.#begin({ operation: 'read', path: this.#path });
    const bytes = this.#inode.read(options.position, options.length);
    target.set(bytes, options.targetOffset);
    return bytes.length;
  }

  async write(source: Uint8Array, position: number): Promise<void> {
    const onFault = (stored: number) =>
      this.#inode.write(position, source.subarray(0, stored * source.length));
    await this.#begin({ operation: 'write', path: this.#path, onFault });
    const grown = Math.max(0, position + source.length - this.#inode.size);
    const free = Math.max(0, this.#disk.freeBytes);
    if (grown > free) {
      const kept = Math.floor(this.#disk.random.next() * Math.max(0, source.length - grown + free));
      this.#inode.write(position, source.subarray(0, kept));
      throw systemError('ENOSPC', 'write', this.#path);
    }
    this.#inode.write(position, source);
  }

  async sync(): Promise<void> {
    await this.#begin({ operation: 'sync', path: this.#path });
    this.#inode.sync();
  }

  async truncate(length: number): Promise<void> {
    await this.#begin({ operation: 'truncate', path: this.#path });
    this.#inode.truncate(length);
  }

  async size(): Promise<number> {
    await this.#begin({ operation: 'size', path: this.#path });
    return this.#inode.size;
  }

  async close(): Promise<void> {
    await this.#begin({ operation: 'close', path: this.#path });
    this.#isOpen = false;
  }

  async #begin(step: Step): Promise<void> {
    if (!this.#isOpen) throw systemError('EBADF', step.operation, step.path);
    await this.#step(step);
  }
}
