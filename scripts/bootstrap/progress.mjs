import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How many package folders are in `node_modules` (those nested deeper are few and not counted).
 * @param {string} root
 */
export function installedFolders(root) {
  const modules = join(root, 'node_modules');
  let count = 0;
  for (const name of namesIn(modules)) {
    if (name.startsWith('.')) continue;
    count += name.startsWith('@')
      ? namesIn(join(modules, name)).filter((inner) => !inner.startsWith('.')).length
      : 1;
  }
  return count;
}

/** @param {string} folder */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Shows that something is going on: one line that updates itself on a terminal, else one every ten seconds.
 * @param {NodeJS.WriteStream} output
 * @param {(elapsedSeconds: number) => string} describe
 * @returns {() => number} ends the display; returns the seconds that have passed
 */
export function showProgress(output, describe) {
  const startedMs = Date.now();
  const seconds = () => Math.round((Date.now() - startedMs) / 1000);
  const draw = () => {
    const text = describe(seconds());
    if (output.isTTY) output.write(`\r\x1b[2K${text.slice(0, (output.columns ?? 80) - 1)}`);
    else output.write(`${text}\n`);
  };
  draw();
  const timer = setInterval(draw, output.isTTY ? 500 : 10_000);
  return () => {
    clearInterval(timer);
    if (output.isTTY) output.write('\r\x1b[2K');
    return seconds();
  };
}
