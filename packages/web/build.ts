import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface BuildWebOptions {
  /** Where the page's files go; made when absent. */
  readonly outFolder: string;
}

export interface BuiltWeb {
  readonly folder: string;
  /** False when the files of an earlier build still fit the sources. */
  readonly built: boolean;
}

const webFolder = import.meta.dirname;
const hashFile = '.sources';

/**
 * Builds the page unless `outFolder` holds what the same sources gave before; the bundler is loaded only to
 * build.
 */
export async function buildWeb({ outFolder }: BuildWebOptions): Promise<BuiltWeb> {
  const hash = await hashOfSources();
  const known = await readFile(join(outFolder, hashFile), 'utf8').catch(() => undefined);
  if (known === hash) return { folder: outFolder, built: false };
  const { build } = await import('vite');
  // Built beside and moved into place, so that nobody is ever served half a page.
  const fresh = `${outFolder}.${process.pid}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(dirname(fresh), { recursive: true });
  await build({
    configFile: join(webFolder, 'vite.config.ts'),
    logLevel: 'warn',
    define: { BUILD_HASH: JSON.stringify(hash) },
    build: { outDir: fresh, emptyOutDir: true },
  });
  await writeFile(join(fresh, hashFile), hash);
  await rm(outFolder, { recursive: true, force: true });
  await rename(fresh, outFolder);
  return { folder: outFolder, built: true };
}

/**
 * Everything that the page is made of: its own files, what it shares with server and engine, and its
 * libraries.
 */
async function hashOfSources(): Promise<string> {
  const wire = dirname(fileURLToPath(import.meta.resolve('millrace/wire')));
  const reader = dirname(fileURLToPath(import.meta.resolve('@millrace/core/live/reader')));
  const folders = [join(webFolder, 'src'), join(webFolder, 'public'), wire, reader];
  const files = ['index.html', 'vite.config.ts', 'package.json'].map((name) => join(webFolder, name));
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const entry of entries) if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
  }
  const hash = createHash('sha256');
  for (const file of files.toSorted((one, other) => (one < other ? -1 : 1))) {
    hash
      .update(file.slice(dirname(webFolder).length))
      .update('\0')
      .update(await readFile(file))
      .update('\0');
  }
  return hash.digest('hex');
}
