import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Lets one command at a time install into this folder; the lock of a process that is gone does not count.
 * @param {string} root
 * @returns {Promise<() => void>} gives the lock back
 */
export async function lockInstall(root) {
  const path = join(root, '.millrace', 'install.lock');
  mkdirSync(join(root, '.millrace'), { recursive: true });
  for (let hasSaid = false; ;) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const owner = Number(existsSync(path) ? readFileSync(path, 'utf8') : 0);
    if (owner > 0 && !isRunning(owner)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!hasSaid) console.error(`Another command (process ${owner}) is installing; waiting for it.`);
    hasSaid = true;
    await delay(500);
  }
}

/** @param {number} processId */
function isRunning(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
