import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../../packages/server/bin/launch.mjs';
import { chooseNode, thisMachine } from '../../packages/server/bin/pinned-node.mjs';
import { route, usage } from './commands.mjs';
import { ensureInstalled } from './install.mjs';
import { platformProblem } from './machine.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** @param {readonly string[]} argv */
export async function main(argv) {
  const asked = route(argv);
  if (asked.kind === 'help') {
    console.log(usage());
    return;
  }
  if (asked.kind === 'unknown') {
    console.error(`millrace: there is no command "${asked.name}".\n${usage()}`);
    process.exitCode = 2;
    return;
  }
  const problem = platformProblem(thisMachine()) ?? (await ensureInstalled(root, asked.command.install));
  const node = problem ? undefined : chooseNode(root);
  if (problem || node === undefined) {
    console.error(`millrace: ${problem?.what ?? 'No Node 24 was found after setting up.'}`);
    console.error(`Remedy: ${problem?.remedy ?? 'Delete node_modules and run the command again.'}`);
    process.exitCode = 1;
    return;
  }
  launch({ node: node.path, entry: join(root, asked.command.entry), args: asked.args, root });
}
