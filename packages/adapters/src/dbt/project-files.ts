import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What dbt and we write into a project. */
const GENERATED = new Set(['target', 'logs', 'compiled', 'dbt_packages', 'dbt_internal_packages']);
const EXTENSIONS = /\.(sql|ya?ml|csv|py)$/;

/**
 * Files that decide what is compiled, relative to the project, sorted; `/` between folders on every system.
 */
export async function listProjectFiles(projectFolder: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (inside: string): Promise<void> => {
    const entries = await readdir(join(projectFolder, inside), { withFileTypes: true });
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
      if (entry.isDirectory()) {
        if (inside !== '' || !GENERATED.has(entry.name)) await visit(path);
      } else if (EXTENSIONS.test(entry.name)) {
        found.push(path);
      }
    }
  };
  await visit('');
  return found.toSorted((a, b) => (a < b ? -1 : 1));
}

/** A checksum of the files that decide what is compiled, the same on every system. */
export async function checksumProjectFiles(projectFolder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of await listProjectFiles(projectFolder)) {
    const text = await readFile(join(projectFolder, path), 'utf8');
    hash.update(`${path}\0${text.replaceAll('\r\n', '\n')}\0`);
  }
  return hash.digest('hex');
}
