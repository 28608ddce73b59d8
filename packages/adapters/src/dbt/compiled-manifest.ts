import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@millrace/core/base';
import { checksumProjectFiles } from './project-files.ts';

/** Where a project keeps what was compiled. */
export function compiledManifestPath(projectFolder: string): string {
  return join(projectFolder, 'compiled', 'manifest.json');
}

export interface ManifestStaleness {
  readonly stale: boolean;
  /** What is wrong and how to compile; undefined when nothing is. */
  readonly warning: string | undefined;
}

/**
 * Whether the compiled manifest is older than the models, by a checksum of the files, never by their dates.
 */
export async function manifestStaleness(projectFolder: string): Promise<ManifestStaleness> {
  const path = compiledManifestPath(projectFolder);
  const remedy = 'run `npx millrace compile` (needs Python 3.10 or newer, once: `npm run engines`)';
  let compiled: unknown;
  try {
    const manifest = JSON.parse(await readFile(path, 'utf8')) as { metadata?: Record<string, unknown> };
    compiled = manifest.metadata?.['millrace_files_checksum'];
  } catch (error) {
    const reason =
      (error as { code?: unknown }).code === 'ENOENT' ? 'is missing' : `cannot be read (${messageOf(error)})`;
    return { stale: true, warning: `${path} ${reason}: ${remedy}.` };
  }
  // dbt's own manifest has no checksum to compare.
  if (compiled === undefined || compiled === (await checksumProjectFiles(projectFolder))) {
    return { stale: false, warning: undefined };
  }
  return {
    stale: true,
    warning: `The models in ${projectFolder} changed after they were compiled: ${remedy}.`,
  };
}
