import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
import { folderProblem, npmProblem } from './machine.mjs';
import { installedFolders, showProgress } from './progress.mjs';

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
    const done = Math.min(installedFolders(root), count);
    return `Installing: ${done} of ${count} packages, ${seconds} s`;
  });
  const { code, output } = await runNpm(root, installMode);
  const seconds = stop();
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

/**
 * npm's arguments. Install scripts stay off: no package needs one to work, and none gets to run code here.
 * `--no-save` keeps npm of another version from rewriting the lockfile.
 * @param {InstallMode} mode
 */
export function npmArguments(mode) {
  return [
    'install',
    '--no-audit',
    '--no-fund',
    '--no-save',
    '--prefer-offline',
    '--ignore-scripts',
    '--include=optional',
    '--loglevel=error',
    mode === 'full' ? '--include=dev' : '--omit=dev',
  ];
}

/**
 * @param {string} root
 * @param {InstallMode} mode
 * @returns {Promise<{ code: number, output: string }>}
 */
function runNpm(root, mode) {
  // Under `npm start` npm names its own script; it runs without a shell on every platform.
  const script = process.env['npm_execpath'];
  const isNpm = script !== undefined && /npm-cli\.c?js$/.test(script) && existsSync(script);
  const [file, first] = isNpm ? [process.execPath, [script]] : ['npm', []];
  return new Promise((resolve) => {
    const child = spawn(file, [...first, ...npmArguments(mode)], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: !isNpm && process.platform === 'win32',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output = (output + text).slice(-20_000);
      });
    }
    child.on('error', (error) => resolve({ code: 1, output: `npm cannot be run: ${error.message}` }));
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 1, output: signal ? `npm was stopped: ${signal}` : output }),
    );
  });
}

/**
 * Lets one command at a time install into this folder; the lock of a process that is gone does not count.
 * @param {string} root
 * @returns {Promise<() => void>} gives the lock back
 */
async function lockInstall(root) {
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
