import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Folders that hold what is installed, built or written at run time: never our source. */
const foreignFolders = new Set([
  'node_modules',
  '.git',
  '.millrace',
  'dist',
  'target',
  'dbt_packages',
  'logs',
]);

/**
 * Every file below `root` that we wrote, as sorted paths with `/` relative to it. It reads the folders, so it
 * works in a copy without git, too, and sees files that are not tracked yet.
 */
export function listFiles(root: string): string[] {
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!foreignFolders.has(entry.name)) visit(path);
      } else if (entry.isFile()) found.push(path);
    }
  };
  visit('');
  return found.toSorted();
}

/** True for files with code that is linted, type-checked and read for imports. */
export function isCode(path: string): boolean {
  return /\.(ts|tsx|mts|mjs|js|cjs)$/.test(path) && !path.includes('/stand-ins/');
}

/** True for test files of every group. */
export function isTest(path: string): boolean {
  return /\.test\.(ts|mts|mjs|js)$/.test(path) && isCode(path);
}
