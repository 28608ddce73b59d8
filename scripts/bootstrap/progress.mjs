import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How many packages at the top of `node_modules` are unpacked: npm makes all folders first, then fills them.
 * @param {string} root
 */
export function unpackedPackages(root) {
  const modules = join(root, 'node_modules');
  let count = 0;
  for (const name of namesIn(modules)) {
    if (name.startsWith('.')) continue;
    const inner = name.startsWith('@') ? namesIn(join(modules, name)) : [''];
    for (const scoped of inner) if (existsSync(join(modules, name, scoped, 'package.json'))) count++;
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
