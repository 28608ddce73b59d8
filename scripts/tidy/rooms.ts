/** A file's room: the folder that is entered through one `index.ts`. */
export interface Room {
  /** Such as `core/log`, `adapters/duckdb`, `server/cli`, `web`. */
  readonly name: string;
  /** Folder, with `/` at its end. */
  readonly folder: string;
}

/** Packages whose folders below `src` are rooms of their own. */
const packagesOfRooms = new Set(['core', 'adapters', 'server', 'testkit']);

/** The room of a file, by its path from the root. */
export function roomOf(path: string): Room {
  const parts = path.split('/');
  const [top = '', second = '', third = '', fourth = ''] = parts;
  if (top !== 'packages') {
    if (top === 'examples' && parts.length > 2)
      return { name: `examples/${second}`, folder: `examples/${second}/` };
    return parts.length > 1 ? { name: top, folder: `${top}/` } : { name: 'root', folder: '' };
  }
  if (third === 'bin') return { name: `${second}/bin`, folder: `packages/${second}/bin/` };
  if (third === 'src' && packagesOfRooms.has(second) && parts.length > 4) {
    return { name: `${second}/${fourth}`, folder: `packages/${second}/src/${fourth}/` };
  }
  const isSource = third === 'src';
  return { name: second, folder: isSource ? `packages/${second}/src/` : `packages/${second}/` };
}

/** Which rooms of core a room of core may import. */
const afterLogAndWarehouse = ['base', 'contract', 'log', 'warehouse', 'schedule'];
const beforeLive = [...afterLogAndWarehouse, 'ingest', 'streams', 'sources', 'connect', 'models', 'semantic'];
export const coreDirections: Readonly<Record<string, readonly string[]>> = {
  base: [],
  contract: ['base'],
  log: ['base', 'contract'],
  // The loader decodes what the log holds.
  warehouse: ['base', 'contract', 'log'],
  schedule: ['base', 'contract'],
  ingest: afterLogAndWarehouse,
  streams: afterLogAndWarehouse,
  sources: afterLogAndWarehouse,
  connect: afterLogAndWarehouse,
  models: afterLogAndWarehouse,
  semantic: [...afterLogAndWarehouse, 'ingest', 'streams', 'sources', 'connect', 'models'],
  live: beforeLive,
  observe: ['base'],
};

/** What the rooms outside core may import: names, or the start of names before `*`. */
const directions: readonly { readonly from: string; readonly to: readonly string[] }[] = [
  { from: 'adapters/*', to: ['core/*'] },
  { from: 'server/wire', to: [] },
  { from: 'server/bin', to: [] },
  { from: 'server', to: ['core/*', 'adapters/*', 'server/*'] },
  { from: 'server/*', to: ['core/*', 'adapters/*', 'server/*', 'server'] },
  { from: 'web', to: ['server/wire'] },
  { from: 'client', to: [] },
  { from: 'testkit/*', to: ['core/*', 'testkit/*'] },
  { from: 'examples/*', to: ['server', 'client', 'core/*', 'adapters/*', 'testkit/*'] },
  { from: 'bench', to: ['server', 'server/*', 'client', 'core/*', 'adapters/*', 'testkit/*'] },
  { from: 'scripts', to: ['server', 'server/*', 'client', 'core/*', 'adapters/*', 'testkit/*'] },
];

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

export interface Crossing {
  readonly from: string;
  readonly to: string;
  readonly isTest: boolean;
  readonly isType: boolean;
}

/** True when a file of one room may import from another. */
export function mayImport({ from, to, isTest, isType }: Crossing): boolean {
  if (from === to) return true;
  if (isTest && to.startsWith('testkit/')) return true;
  if (from === 'server/wire' && to.startsWith('core/')) return isType;
  const [fromPackage = '', fromRoom = ''] = from.split('/');
  const [toPackage = '', toRoom = ''] = to.split('/');
  if (fromPackage === 'core')
    return toPackage === 'core' && (coreDirections[fromRoom] ?? []).includes(toRoom);
  const direction = directions.find((entry) => matches(entry.from, from));
  return direction?.to.some((pattern) => matches(pattern, to)) ?? false;
}
