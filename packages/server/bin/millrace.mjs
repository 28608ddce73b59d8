#!/usr/bin/env node
// The `millrace` command: runs packages/server/src/main.ts in the pinned Node 24, whatever Node started it.
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './launch.mjs';
import { chooseNode } from './pinned-node.mjs';

// A project links this package by `file:`, so the checkout is found from the real path.
const packageFolder = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const root = dirname(dirname(packageFolder));
const node = chooseNode(root);
if (node === undefined) {
  console.error(`millrace: not set up yet: Node 24 is not installed in ${join(root, 'node_modules')}.`);
  console.error(`Run \`npm install\` (or \`npm start\`) once in ${root}.`);
  process.exitCode = 1;
} else {
  launch({
    node: node.path,
    entry: join(packageFolder, 'src', 'main.ts'),
    args: process.argv.slice(2),
    root,
  });
}
