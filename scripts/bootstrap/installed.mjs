import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {import('./commands.mjs').InstallMode} InstallMode
 *
 * @typedef {object} LockedPackage one entry of a lockfile's `packages`
 * @property {string} [version]
 * @property {boolean} [link]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {boolean} [devOptional]
 * @property {string | string[]} [os]
 * @property {string | string[]} [cpu]
 * @property {string | string[]} [libc]
 *
 * @typedef {Readonly<Record<string, LockedPackage>>} Packages by path, such as `node_modules/fastify`
 *
 * @typedef {object} Target the machine that the packages must suit
 * @property {string} platform
 * @property {string} arch
 * @property {string} libc `glibc`, `musl` or empty
 *
 * @typedef {object} Stamp what was found complete, so that the next start need not look again
 * @property {string} lockHash
 * @property {InstallMode} mode
 * @property {string} target
 * @property {string} installHash
 */

const stampName = '.millrace-install.json';

/**
 * True when the entry is to be there on this machine. An optional one without its own platform belongs to a
 * platform package that may be absent, so it is not insisted on.
 * @param {LockedPackage} entry
 * @param {InstallMode} mode
 * @param {Target} target
 */
function isWanted(entry, mode, target) {
  if (entry.dev && mode === 'runtime') return false;
  const isOptional = entry.optional || entry.devOptional;
  if (isOptional && !entry.os && !entry.cpu) return false;
  if (entry.os && !allows(entry.os, target.platform)) return false;
  if (entry.cpu && !allows(entry.cpu, target.arch)) return false;
  return !entry.libc || allows(entry.libc, target.libc);
}

/**
 * @param {string | readonly string[]} names such as `linux`, or refusals such as `!win32`
 * @param {string} name
 */
function allows(names, name) {
  const list = [names].flat();
  const refused = list.filter((entry) => entry.startsWith('!'));
  if (refused.includes(`!${name}`)) return false;
  return refused.length === list.length || list.includes(name);
}

/**
 * The wanted packages of the lockfile that are not installed in their locked version.
 * @param {Packages} locked
 * @param {Packages} installed npm's own record of `node_modules`
 * @param {{ mode: InstallMode, target: Target }} options
 */
export function missingPackages(locked, installed, { mode, target }) {
  return Object.entries(locked)
    .filter(([path, entry]) => path.includes('node_modules/') && isWanted(entry, mode, target))
    .filter(([path, entry]) => {
      const found = installed[path];
      return found === undefined || (!entry.link && found.version !== entry.version);
    })
    .map(([path]) => path);
}

/**
 * How many packages an install puts at the top of `node_modules`; the few that nest are not counted.
 * @param {Packages} locked
 * @param {{ mode: InstallMode, target: Target }} options
 */
export function wantedCount(locked, { mode, target }) {
  return Object.entries(locked).filter(
    ([path, entry]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && isWanted(entry, mode, target),
  ).length;
}

/**
 * True when the installed packages include test tools, which a later install for `npm start` must not delete.
 * @param {Packages} installed
 */
export function hasTestTools(installed) {
  return Object.values(installed).some((entry) => entry.dev === true);
}

/** @returns {Target} */
export function thisTarget() {
  return { platform: process.platform, arch: process.arch, libc: libcOfThisMachine() };
}

/** The report says which C library is loaded; collecting it costs some 30 ms, so only installs ask. */
function libcOfThisMachine() {
  if (process.platform !== 'linux') return '';
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime ? 'glibc' : 'musl';
}

/**
 * @param {string} path
 * @returns {Packages} empty when the file is missing or broken
 */
export function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/** @param {string} root */
export function installRecordPath(root) {
  return join(root, 'node_modules', '.package-lock.json');
}

/**
 * What a stamp made now would say.
 * @param {string} root
 * @param {InstallMode} mode
 * @returns {Stamp}
 */
export function currentStamp(root, mode) {
  const lockHash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const record = statSync(installRecordPath(root), { throwIfNoEntry: false });
  return {
    lockHash,
    mode,
    target: `${process.platform}-${process.arch}`,
    installHash: record ? `${record.size}-${record.mtimeMs}` : '',
  };
}

/**
 * @param {string} root
 * @returns {Stamp | undefined}
 */
export function readStamp(root) {
  try {
    return JSON.parse(readFileSync(join(root, 'node_modules', stampName), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} root
 * @param {Stamp} stamp
 */
export function writeStamp(root, stamp) {
  writeFileSync(join(root, 'node_modules', stampName), `${JSON.stringify(stamp)}\n`);
}

/**
 * True when what was stamped still holds and covers what is asked for.
 * @param {Stamp | undefined} stamp
 * @param {Stamp} wanted
 */
export function stampCovers(stamp, wanted) {
  return (
    stamp !== undefined &&
    wanted.installHash !== '' &&
    stamp.lockHash === wanted.lockHash &&
    stamp.installHash === wanted.installHash &&
    stamp.target === wanted.target &&
    (stamp.mode === 'full' || stamp.mode === wanted.mode)
  );
}
