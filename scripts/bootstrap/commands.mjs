/**
 * @typedef {'runtime' | 'full'} InstallMode what is installed: what running needs, or the test tools too
 *
 * @typedef {object} Command
 * @property {string} entry path from the root
 * @property {readonly string[]} args given before the user's
 * @property {InstallMode} install
 * @property {string} about one line for the list
 */

/** @type {Readonly<Record<string, Command>>} */
export const commands = {
  start: {
    entry: 'packages/server/src/main.ts',
    args: ['start'],
    install: 'runtime',
    about: 'run a project (default: examples/storefront) and open its dashboard',
  },
  test: {
    entry: 'scripts/test.ts',
    args: [],
    install: 'full',
    about: 'run the tests: all, or some of unit, browser, engines, slow',
  },
  engines: {
    entry: 'scripts/engines.ts',
    args: [],
    install: 'full',
    about: 'install the real engines that tests use, outside the tree',
  },
  kafka: {
    entry: 'scripts/kafka.ts',
    args: [],
    install: 'full',
    about: 'start and stop a real Apache Kafka: npm run kafka -- start --brokers 3',
  },
  bench: {
    entry: 'bench/main.ts',
    args: [],
    install: 'full',
    about: 'run one measurement: npm run bench -- NAME [--json]',
  },
  kill: {
    entry: 'scripts/kill.ts',
    args: [],
    install: 'full',
    about: 'kill the real process under load and reconcile: npm run kill -- NAME --times N',
  },
  prove: {
    entry: 'scripts/prove.ts',
    args: [],
    install: 'full',
    about: 'compare a part with its peer: npm run prove -- streams --cases N [--seed S]',
  },
  simulate: {
    entry: 'scripts/simulate.ts',
    args: [],
    install: 'full',
    about: 'crash a part on simulated machines: npm run simulate -- log --seeds N [--seed S]',
  },
  flights: {
    entry: 'examples/flights/main.ts',
    args: [],
    install: 'full',
    about: 'load three million real flights and compare every figure with their file',
  },
};

/**
 * @typedef {{ kind: 'run', name: string, command: Command, args: string[] }
 *   | { kind: 'help' } | { kind: 'unknown', name: string }} Route
 */

/**
 * Decides what the arguments ask for.
 * @param {readonly string[]} argv
 * @returns {Route}
 */
export function route(argv) {
  const [name, ...args] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') return { kind: 'help' };
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return { kind: 'unknown', name };
  return { kind: 'run', name, command, args: [...command.args, ...args] };
}

/** The list of commands, as `--help` prints it. */
export function usage() {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const rows = Object.entries(commands).map(([name, { about }]) => {
    const typed = name === 'start' || name === 'test' ? `npm ${name}` : `npm run ${name}`;
    return `  ${typed.padEnd(width + 8)}  ${about}`;
  });
  return ['Commands (arguments follow after --):', ...rows].join('\n');
}
