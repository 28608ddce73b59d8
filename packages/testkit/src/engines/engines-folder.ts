import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where an engine is, or why it is not to be had; the reason is fit for `t.skip(reason)`. */
export type Located = { readonly path: string } | { readonly absent: string };

/** The file that is written last: a folder without it was left by an installation that broke off. */
const completeMark = '.complete';

/**
 * The folder of all installed engines, outside the checkout so that clones share it: `$MILLRACE_ENGINES`,
 * else `millrace/engines` in the user's cache folder.
 */
export function enginesFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return process.env['MILLRACE_ENGINES'] || join(cache, 'millrace', 'engines');
}

/** The folder of one engine in one version, whether or not it exists. */
export function engineFolder(name: string, version: string): string {
  return join(enginesFolder(), `${name}-${version}`);
}

/** The path of the mark that says that an engine's folder is complete. */
export function completeMarkPath(name: string, version: string): string {
  return join(engineFolder(name, version), completeMark);
}

/** Finds a file in an engine's folder; `inside` is relative to it. */
export function locate(name: string, version: string, inside: string): Located {
  const path = join(engineFolder(name, version), inside);
  if (existsSync(completeMarkPath(name, version)) && existsSync(path)) return { path };
  return { absent: needs(`${name} ${version}`) };
}

/** The reason for a skip that `npm run engines` ends. Continuous integration does not accept it. */
export function needs(what: string): string {
  return `needs ${what}: run npm run engines`;
}
