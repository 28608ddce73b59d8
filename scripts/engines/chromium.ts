import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumCommand, findExecutable } from '@millrace/testkit/engines';
import { type Engine, runCommand } from './engine.ts';

const packages = ['chromium', 'fonts-liberation'];
const apt = { DEBIAN_FRONTEND: 'noninteractive' };

/** The browser of the browser tests: the one on this machine, else Debian's package. */
export const chromium: Engine = {
  name: 'chromium',
  version: 'of the system',

  present() {
    const command = chromiumCommand();
    return 'absent' in command ? command.absent : undefined;
  },

  async install() {
    if (findExecutable(['apt-get']) === undefined) {
      throw new Error('install Chromium or Chrome yourself, or name one by MILLRACE_CHROMIUM');
    }
    if (process.getuid?.() !== 0) {
      throw new Error(`only root can install packages: sudo apt-get install ${packages.join(' ')}`);
    }
    await runCommand('apt-get', ['update'], { label: 'chromium (package list)', env: apt });
    const install = ['install', '--yes', '--no-install-recommends', ...packages];
    await runCommand('apt-get', install, { label: 'chromium', env: apt });
  },

  async start() {
    const command = chromiumCommand();
    if ('absent' in command) throw new Error(command.absent);
    const profile = await mkdtemp(join(tmpdir(), 'millrace-chromium-'));
    try {
      const page = 'data:text/html,<p id=p></p><script>p.textContent=6*7</script>';
      const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
      const flags = [
        '--headless',
        '--disable-gpu',
        '--no-first-run',
        `--user-data-dir=${profile}`,
        ...sandbox,
      ];
      const dom = await runCommand(command.path, [...flags, '--dump-dom', page], { timeoutMs: 60_000 });
      if (!dom.includes('>42<'))
        throw new Error(`${command.path} does not run a page:\n${dom.slice(-2_000)}`);
      return (await runCommand(command.path, ['--version'])).trim().split('\n').at(-1) ?? '';
    } finally {
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};
