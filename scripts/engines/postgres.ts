import { join } from 'node:path';
import { postgresNative, postgresPackage, postgresVersion } from '@millrace/testkit/engines';
import { type Engine, fillFolder, runCommand } from './engine.ts';

/** The Postgres server of the capture tests, from npm. */
export const postgres: Engine = {
  name: 'postgres',
  version: postgresVersion,

  present() {
    const native = postgresNative();
    return 'absent' in native ? native.absent : undefined;
  },

  async install() {
    await fillFolder(postgres, async (folder) => {
      const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
      const name = `${postgresPackage()}@${postgresVersion}`;
      const args = ['install', '--prefix', folder, ...quiet, name];
      await runCommand(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { label: 'postgres' });
      // npm packages hold no links: the package's own script makes those of its libraries.
      const cwd = join(folder, 'node_modules', postgresPackage());
      await runCommand(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd });
    });
  },

  async start() {
    const native = postgresNative();
    if ('absent' in native) throw new Error(native.absent);
    return (await runCommand(join(native.path, 'bin', 'postgres'), ['--version'])).trim();
  },
};
