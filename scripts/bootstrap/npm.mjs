import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** @typedef {import('./commands.mjs').InstallMode} InstallMode */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

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
 * @returns {Promise<{ code: number, output: string, isInterrupted: boolean }>}
 */
export function runNpm(root, mode) {
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
    // npm must not outlive this process: the next command would install beside it.
    let isInterrupted = false;
    const interrupt = () => {
      isInterrupted = true;
      child.kill('SIGTERM');
    };
    for (const signal of signals) process.on(signal, interrupt);
    child.on('error', (error) => {
      output += `npm cannot be run: ${error.message}`;
    });
    child.on('close', (code) => {
      for (const signal of signals) process.off(signal, interrupt);
      resolve({ code: code ?? 1, output, isInterrupted });
    });
  });
}
