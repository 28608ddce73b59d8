import { accessSync, constants, statfsSync } from 'node:fs';
import { chooseNode, nodeMajorMin, nodePackages } from '../../packages/server/bin/pinned-node.mjs';

/** What an install needs at most: the packages, and npm's cache of them. */
const freeBytesMin = 1_500_000_000;

/**
 * @typedef {object} Problem
 * @property {string} what one sentence
 * @property {string} remedy one sentence that a user can act on
 */

/**
 * Why this machine cannot run the product at all, if so.
 * @param {import('../../packages/server/bin/pinned-node.mjs').Machine} machine
 * @returns {Problem | undefined}
 */
export function platformProblem(machine) {
  const name = `${machine.platform}-${machine.arch}`;
  if (nodePackages[name] || chooseNode('', machine, () => false)) return undefined;
  return {
    what: `There is no packaged Node ${nodeMajorMin} for ${name}, and this is Node ${machine.version}.`,
    remedy: `Install Node ${nodeMajorMin} or newer yourself and run the command with it.`,
  };
}

/**
 * Why an install into this folder would fail, if so.
 * @param {string} root
 * @returns {Problem | undefined}
 */
export function folderProblem(root) {
  try {
    accessSync(root, constants.W_OK);
  } catch {
    return {
      what: `The folder ${root} cannot be written by this user, so nothing can be installed in it.`,
      remedy: 'Change its owner or work in a copy of your own.',
    };
  }
  // Node 18.0 to 18.14 has no statfs; npm then reports a full disk itself.
  const disk = typeof statfsSync === 'function' ? statfsSync(root) : undefined;
  const freeBytes = disk === undefined ? Number.POSITIVE_INFINITY : disk.bavail * disk.bsize;
  if (freeBytes >= freeBytesMin) return undefined;
  return {
    what: `The disk of ${root} has ${Math.floor(freeBytes / 1e6)} MB free; setting up needs ${freeBytesMin / 1e6} MB.`,
    remedy: 'Free some space and run the command again.',
  };
}

/** @type {readonly { sign: RegExp, problem: Problem }[]} */
const npmFailures = [
  {
    sign: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT/,
    problem: {
      what: 'The npm registry cannot be reached.',
      remedy:
        'Check the network; behind a proxy, set it with `npm config set proxy URL`. What arrived is kept.',
    },
  },
  {
    sign: /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/,
    problem: {
      what: "The npm registry's certificate is not trusted on this machine.",
      remedy: "Give npm your company's certificate: `npm config set cafile FILE`.",
    },
  },
  {
    sign: /ENOSPC/,
    problem: { what: 'The disk is full.', remedy: 'Free some space and run the command again.' },
  },
  {
    sign: /EACCES|EPERM|EROFS/,
    problem: {
      what: "A file could not be written: in this folder or in npm's cache.",
      remedy: 'Give yourself the rights to the path in the message above (often a cache made as root).',
    },
  },
  {
    sign: /EINTEGRITY|EBADTAR|TAR_/,
    problem: {
      what: 'A downloaded package is damaged, or is not the one that the lockfile names.',
      remedy: 'Run `npm cache verify` and try again; if it stays, the registry or a proxy changes packages.',
    },
  },
  {
    sign: /E401|E403|E404|ETARGET|ENOVERSIONS/,
    problem: {
      what: 'The npm registry refuses a package or does not have it.',
      remedy: 'See which registry is set (`npm config get registry`) and whether it carries this package.',
    },
  },
];

/**
 * What npm's output says went wrong.
 * @param {string} output
 * @returns {Problem}
 */
export function npmProblem(output) {
  for (const { sign, problem } of npmFailures) if (sign.test(output)) return problem;
  return {
    what: 'npm could not install the packages.',
    remedy: 'Its message is above; then run the command again.',
  };
}
