import type { Random } from '@millrace/core/base';
import type { SimulatedInode } from './simulated-inode.ts';

export type Node = SimulatedInode | 'folder';

/** A change of a folder that is not durable yet. */
export type FolderChange =
  | { readonly kind: 'add'; readonly path: string; readonly node: Node }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string };

/**
 * Which paths there are: as programs see it, and as it would be after a power failure. The root always
 * exists.
 */
export class SimulatedFolders {
  #nodes = new Map<string, Node>();
  #durableNodes = new Map<string, Node>();
  readonly #unsynced = new Map<string, FolderChange[]>();

  get(path: string): Node | undefined {
    return this.#nodes.get(path);
  }

  get usedBytes(): number {
    let used = 0;
    for (const node of this.#nodes.values()) if (node !== 'folder') used += node.size;
    return used;
  }

  filePaths(): string[] {
    return [...this.#nodes]
      .filter(([, node]) => node !== 'folder')
      .map(([path]) => path)
      .toSorted();
  }

  names(folder: string): string[] {
    const names: string[] = [];
    for (const path of this.#nodes.keys())
      if (folderOf(path) === folder) names.push(path.slice(folder.length + 1));
    return names.toSorted();
  }

  /** The folder itself and all below it, innermost last. */
  pathsUnder(folder: string): string[] {
    return [...this.#nodes.keys()].filter((path) => path === folder || path.startsWith(`${folder}/`));
  }

  hasFolderOf(path: string): boolean {
    return hasFolder(this.#nodes, path);
  }

  change(change: FolderChange): void {
    apply(this.#nodes, change);
    const folder = folderOf(change.kind === 'rename' ? change.to : change.path);
    const changes = this.#unsynced.get(folder);
    if (changes === undefined) this.#unsynced.set(folder, [change]);
    else changes.push(change);
  }

  sync(folder: string): void {
    for (const change of this.#unsynced.get(folder) ?? []) apply(this.#durableNodes, change);
    this.#unsynced.delete(folder);
  }

  clone(): SimulatedFolders {
    const copy = new SimulatedFolders();
    for (const [path, node] of this.#nodes) copy.#nodes.set(path, node === 'folder' ? node : node.clone());
    copy.#durableNodes = new Map(copy.#nodes);
    return copy;
  }

  /** Of each folder's changes since its last sync, the first few survive. */
  losePower(random: Random): void {
    const survivors = new Map(this.#durableNodes);
    for (const changes of this.#unsynced.values()) {
      const kept = Math.floor(random.next() * (changes.length + 1));
      for (const change of changes.slice(0, kept)) apply(survivors, change);
    }
    for (const path of survivors.keys()) if (!hasFolder(survivors, path)) survivors.delete(path);
    for (const node of new Set(survivors.values())) if (node !== 'folder') node.losePower(random);
    this.#nodes = survivors;
    this.#durableNodes = new Map(survivors);
    this.#unsynced.clear();
  }
}

function apply(nodes: Map<string, Node>, change: FolderChange): void {
  if (change.kind === 'add') nodes.set(change.path, change.node);
  else if (change.kind === 'remove') nodes.delete(change.path);
  else {
    const node = nodes.get(change.from);
    if (node === undefined) return;
    nodes.delete(change.from);
    nodes.set(change.to, node);
  }
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function hasFolder(nodes: ReadonlyMap<string, Node>, path: string): boolean {
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
    if (nodes.get(folder) !== 'folder') return false;
  }
  return true;
}
