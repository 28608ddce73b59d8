import type { FileSystem, Random } from '@millrace/core/base';
import { type Fault, systemError } from './fault.ts';
import { folderOf, SimulatedFolders } from './simulated-folders.ts';
import { SimulatedFileSystem, type Step } from './simulated-file-system.ts';
import type { SimulatedInode } from './simulated-inode.ts';

export interface SimulatedDiskOptions {
  /** Decides what a crash tears and loses, and in which order operations that run at once complete. */
  readonly random: Random;
  /** Space on the disk. Default unlimited. */
  readonly capacityBytes?: number;
}

const settled = Promise.resolve();

/**
 * A disk in memory. Each program that runs on it mounts it for itself; operations take a few turns of the
 * microtask queue and complete in a seeded order. After a crash, operations of the programs that had it
 * mounted never complete, as for a killed process; a program that mounts it then finds what survived.
 */
export class SimulatedDisk {
  /** Operations so far. */
  steps = 0;
  /** Crashes so far: programs that began before the last one are dead. */
  crashes = 0;
  /** The power fails in place of the operation with this number. */
  crashAtStep = Infinity;
  capacityBytes: number;
  readonly locks = new Set<string>();
  readonly random: Random;
  folders = new SimulatedFolders();
  #faults: { readonly fault: Fault; left: number }[] = [];
  #crashed: { readonly promise: Promise<void>; readonly resolve: () => void } = Promise.withResolvers<void>();

  constructor(options: SimulatedDiskOptions) {
    this.random = options.random;
    this.capacityBytes = options.capacityBytes ?? Infinity;
  }

  /** The disk as a program sees it from now until the next crash. */
  mount(): FileSystem {
    const generation = this.crashes;
    return new SimulatedFileSystem(this, (step) => this.#step(generation, step));
  }

  /** Resolves at the next crash. */
  get crashed(): Promise<void> {
    return this.#crashed.promise;
  }

  get usedBytes(): number {
    return this.folders.usedBytes;
  }

  get freeBytes(): number {
    return this.capacityBytes - this.usedBytes;
  }

  /** Paths of all files, sorted. */
  paths(): string[] {
    return this.folders.filePaths();
  }

  /** The contents as programs see them. */
  contents(path: string): Uint8Array {
    const inode = this.#inode(path);
    return inode.read(0, inode.size).slice();
  }

  /** Flips one bit of what lies on the disk, as decay does. */
  flipBit(path: string, bit: number): void {
    this.#inode(path).flipBit(bit);
  }

  /** Replaces a file's durable contents. */
  replace(path: string, contents: Uint8Array): void {
    const inode = this.#inode(path);
    inode.truncate(0);
    inode.write(0, contents);
    inode.sync();
  }

  /** Remembers all files as they are now, all of them durable; the returned function puts them back. */
  save(): () => void {
    const saved = this.folders.clone();
    return () => {
      this.folders = saved.clone();
    };
  }

  inject(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  healAll(): void {
    this.#faults = [];
  }

  /**
   * `process`: the programs are killed, what they wrote is kept. `power`: what was not synced is torn or
   * lost. Locks are free afterwards.
   */
  crash(kind: 'process' | 'power'): void {
    this.crashes++;
    this.locks.clear();
    this.crashAtStep = Infinity;
    if (kind === 'power') this.folders.losePower(this.random);
    this.#crashed.resolve();
    this.#crashed = Promise.withResolvers<void>();
  }

  /**
   * One operation: waits its turn, crashes or fails when that is due, and else happens, all in one turn: a
   * crash comes before it or after it. A crashed program's operation never ends.
   */
  async #step<Result>(generation: number, step: Step<Result>): Promise<Result> {
    for (let turns = Math.floor(this.random.next() * 4); turns >= 0; turns--) await settled;
    if (generation === this.crashes) {
      this.steps++;
      if (this.steps >= this.crashAtStep) this.crash('power');
    }
    if (generation !== this.crashes) await new Promise(() => {});
    for (const entry of this.#faults) {
      const { fault } = entry;
      if (fault.operation !== step.operation || entry.left <= 0 || fault.path?.test(step.path) === false)
        continue;
      entry.left--;
      step.onFault?.(fault.stored ?? 0);
      throw systemError(fault.code, step.operation, step.path);
    }
    return step.happen();
  }

  #inode(path: string): SimulatedInode {
    const node = this.folders.get(path);
    if (node === undefined || node === 'folder') throw new Error(`no file ${path} in ${folderOf(path)}`);
    return node;
  }
}
