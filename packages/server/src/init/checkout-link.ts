import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Links the package `millrace` into the project as `npm install` would, so that `npm start` and `npx
 * millrace` work at once. `npm install` finds it and leaves it.
 */
export async function linkCheckout(projectFolder: string, millraceFolder: string): Promise<void> {
  const bin = join(projectFolder, 'node_modules', '.bin');
  await mkdir(bin, { recursive: true });
  // A junction needs no rights on Windows; elsewhere the kind is ignored.
  await symlink(millraceFolder, join(projectFolder, 'node_modules', 'millrace'), 'junction');
  const script = join('..', 'millrace', 'bin', 'millrace.mjs');
  if (process.platform === 'win32') {
    await writeFile(join(bin, 'millrace.cmd'), `@node "%~dp0\\${script}" %*\r\n`);
    return;
  }
  await symlink(script, join(bin, 'millrace'));
}
