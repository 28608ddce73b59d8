import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where V8's compiled code is kept between starts: in the checkout, or in the user's cache folder when the
 * checkout is read-only.
 * @param {string} root
 * @returns {string | undefined} undefined when no place can be written
 */
export function compileCacheFolder(root) {
  const userCache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  for (const folder of [
    join(root, '.millrace', 'cache', 'compile'),
    join(userCache, 'millrace', 'compile'),
  ]) {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      continue;
    }
  }
  return undefined;
}

/**
 * The environment in which the program runs; what the user has set wins.
 * @param {string} root
 * @returns {NodeJS.ProcessEnv}
 */
export function runtimeEnvironment(root) {
  const cache = process.env['NODE_COMPILE_CACHE'] ?? compileCacheFolder(root);
  return {
    // DuckDB's queries and the log's syncs share this pool: with four threads a scan could hold up an answer.
    UV_THREADPOOL_SIZE: '12',
    // Each of the pool's threads would get an allocation arena of its own, and free memory in all of them.
    MALLOC_ARENA_MAX: '2',
    ...process.env,
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
  };
}

/** How Node runs the program. */
export const runtimeFlags = Object.freeze([
  // Node 24.0 still announces type stripping as experimental; nobody can act on that line.
  '--disable-warning=ExperimentalWarning',
  // Young objects of each thread, MB for each of its halves. Left alone it grows to 64 under load.
  '--max-semi-space-size=16',
]);

/**
 * @typedef {object} Launch
 * @property {string} node the binary to run
 * @property {string} entry the script
 * @property {readonly string[]} args
 * @property {string} root the checkout
 */

/**
 * Runs the script in the given Node with this process's input and output, hands signals on to it, and ends
 * this process the way it ended: same exit code, or same signal.
 * @param {Launch} launch
 */
export function launch({ node, entry, args, root }) {
  const env = runtimeEnvironment(root);
  const child = spawn(node, [...runtimeFlags, entry, ...args], { stdio: 'inherit', env });

  // A terminal sends Ctrl-C to the child as well: handing it on would make it two.
  const childSeesCtrlC = process.stdin.isTTY;
  /** @type {Map<NodeJS.Signals, () => void>} */
  const handlers = new Map();
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
  for (const signal of process.platform === 'win32' ? signals.slice(0, 3) : signals) {
    const handler = () => {
      if (signal === 'SIGINT' && childSeesCtrlC) return;
      child.kill(signal);
    };
    handlers.set(signal, handler);
    process.on(signal, handler);
  }

  child.on('error', (error) => {
    console.error(`millrace: cannot run ${node}: ${error.message}`);
    if (process.platform === 'linux' && 'code' in error && error.code === 'ENOENT') {
      console.error(
        'The file needs the GNU C library. On Alpine, use a glibc image or install Node 24 or newer.',
      );
    }
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const [name, handler] of handlers) process.off(name, handler);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}
