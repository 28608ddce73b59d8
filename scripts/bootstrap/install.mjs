import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chooseNode } from '../../packages/server/bin/pinned-node.mjs';
import {
  currentStamp,
  hasTestTools,
  installRecordPath,
  missingPackages,
  readPackages,
  readStamp,
  stampCovers,
  thisTarget,
  wantedCount,
  writeStamp,
} from './installed.mjs';
import { lockInstall } from './install-lock.mjs';
import { folderProblem, npmProblem } from './machine.mjs';
import { runNpm } from './npm.mjs';
import { showProgress, unpackedPackages } from './progress.mjs';

/**
 * @typedef {import('./commands.mjs').InstallMode} InstallMode
 * @typedef {import('./machine.mjs').Problem} Problem
 */

/**
 * Makes `node_modules` fit the lockfile, doing nothing when it does.
 * @param {string} root
 * @param {InstallMode} mode
 * @returns {Promise<Problem | undefined>} why it could not be done
 */
export async function ensureInstalled(root, mode) {
  if (isStamped(root, mode)) return undefined;
  if (!existsSync(join(root, 'package-lock.json'))) {
    return { what: `There is no package-lock.json in ${root}.`, remedy: 'Use a complete checkout.' };
  }
  if (stampWhenComplete(root, mode)) return undefined;
  const problem = folderProblem(root);
  if (problem) return problem;
  const unlock = await lockInstall(root);
  try {
    // Another command may have finished the same install while this one waited for the lock.
    if (stampWhenComplete(root, mode)) return undefined;
    return await install(root, mode);
  } finally {
    unlock();
  }
}

/**
 * @param {string} root
 * @param {InstallMode} mode
 */
function isStamped(root, mode) {
  const stamp = readStamp(root);
  return (
    stamp !== undefined && stampCovers(stamp, currentStamp(root, mode)) && chooseNode(root) !== undefined
  );
}

/**
 * True when the packages are all there, also when somebody installed them by hand; leaves a stamp then.
 * @param {string} root
 * @param {InstallMode} mode
 */
function stampWhenComplete(root, mode) {
  const installed = readPackages(installRecordPath(root));
  const locked = readPackages(join(root, 'package-lock.json'));
  const target = thisTarget();
  if (missingPackages(locked, installed, { mode, target }).length > 0) return false;
  if (chooseNode(root) === undefined) return false;
  const isFull = missingPackages(locked, installed, { mode: 'full', target }).length === 0;
  writeStamp(root, currentStamp(root, isFull ? 'full' : 'runtime'));
  return true;
}

/**
 * @param {string} root
 * @param {InstallMode} mode
 * @returns {Promise<Problem | undefined>}
 */
async function install(root, mode) {
  const keepsTestTools = hasTestTools(readPackages(installRecordPath(root)));
  const installMode = keepsTestTools ? 'full' : mode;
  const count = wantedCount(readPackages(join(root, 'package-lock.json')), {
    mode: installMode,
    target: thisTarget(),
  });
  const what = installMode === 'full' ? 'what running and testing need' : 'what running needs';
  console.error(`Setting up: installing ${what}, ${count} packages. Once only.`);
  const stop = showProgress(process.stderr, (seconds) => {
    const done = Math.min(unpackedPackages(root), count);
    return `Installing: ${done} of ${count} packages, ${seconds} s`;
  });
  const { code, output, isInterrupted } = await runNpm(root, installMode);
  const seconds = stop();
  if (isInterrupted)
    return { what: 'Setting up was interrupted.', remedy: 'Run it again; what arrived is kept.' };
  if (code !== 0) {
    if (output) console.error(output.trimEnd());
    return npmProblem(output);
  }
  if (!stampWhenComplete(root, mode)) {
    const missing = missingPackages(
      readPackages(join(root, 'package-lock.json')),
      readPackages(installRecordPath(root)),
      { mode, target: thisTarget() },
    );
    return {
      what: `npm ended well, yet these packages are missing: ${missing.slice(0, 5).join(', ') || 'Node 24'}.`,
      remedy:
        'Delete node_modules and run the command again; check that npm does not omit optional packages.',
    };
  }
  console.error(`Set up: ${count} packages in ${seconds} s.`);
  return undefined;
}
