import { join } from 'node:path';
import { dbtCommand, dbtVersion, findExecutable, pythonBinFolder } from '@millrace/testkit/engines';
import { type Engine, fillFolder, runCommand } from './engine.ts';

/** DuckDB is the version that Node's binding carries: a file of a newer one cannot be opened by both. */
const packages = [`dbt-core==${dbtVersion}`, 'dbt-duckdb==1.11.1', 'duckdb==1.5.6'];
const pythonMinorMin = 10;

/** Everything that dbt pulls in, at the versions that were tried together. */
const constraints = join(import.meta.dirname, 'dbt-constraints.txt');

const quiet = {
  DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
  DO_NOT_TRACK: '1',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
};

async function findPython(): Promise<string> {
  const chosen = process.env['MILLRACE_PYTHON'];
  const names = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
  const candidates = chosen
    ? [chosen]
    : names.map((name) => findExecutable([name])).filter((path) => path !== undefined);
  for (const candidate of candidates) {
    const version = await runCommand(candidate, ['-c', 'import sys; print(*sys.version_info[:2])']).catch(
      () => '',
    );
    const [major, minor] = version.trim().split(' ').map(Number);
    if (major === 3 && minor !== undefined && minor >= pythonMinorMin) return candidate;
  }
  throw new Error(
    `no Python 3.${pythonMinorMin} or newer on PATH: install python3 and python3-venv, or name one by MILLRACE_PYTHON`,
  );
}

/** dbt with the DuckDB adapter in a Python environment of its own. */
export const dbt: Engine = {
  name: 'dbt',
  version: dbtVersion,

  present() {
    const command = dbtCommand();
    return 'absent' in command ? command.absent : undefined;
  },

  async install() {
    const python = await findPython();
    await fillFolder(dbt, async (folder) => {
      await runCommand(python, ['-m', 'venv', folder]).catch((error: unknown) => {
        throw new Error('Python cannot make an environment; on Debian: apt-get install python3-venv', {
          cause: error,
        });
      });
      const pip = ['-m', 'pip', 'install', '--no-input', '--constraint', constraints, ...packages];
      await runCommand(join(folder, pythonBinFolder, 'python'), pip, { label: 'dbt', env: quiet });
    });
  },

  async start() {
    const command = dbtCommand();
    if ('absent' in command) throw new Error(command.absent);
    // Not `dbt --version`: that asks the package index for newer ones.
    const script = 'import dbt.cli.main, dbt.adapters.duckdb, duckdb; print("duckdb", duckdb.__version__)';
    const python = join(command.path, '..', 'python');
    const versions = await runCommand(python, ['-c', script], { env: quiet });
    await runCommand(command.path, ['--no-version-check', 'debug', '--help'], { env: quiet });
    return `dbt ${dbtVersion}, ${versions.trim()}`;
  },
};
