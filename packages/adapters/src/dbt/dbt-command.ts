import { access, constants, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** The dbt version that the project is tried with. Newer ones of 1.x may work. */
export const DBT_VERSION = '1.11.16';

const IS_WINDOWS = process.platform === 'win32';
const BIN = IS_WINDOWS ? 'Scripts' : 'bin';
const NAME = IS_WINDOWS ? 'dbt.exe' : 'dbt';

/** Real dbt and the Python that it runs in. */
export interface DbtCommand {
  readonly dbt: string;
  readonly python: string;
}

/**
 * Finds dbt: what `MILLRACE_DBT` names, else what `npm run engines` installed, else what is on PATH.
 * Undefined when there is none.
 */
export async function findDbt(env: NodeJS.ProcessEnv = process.env): Promise<DbtCommand | undefined> {
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const engines = env['MILLRACE_ENGINES'] || join(cache, 'millrace', 'engines');
  const onPath = (env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const candidates = [
    ...(env['MILLRACE_DBT'] ? [env['MILLRACE_DBT']] : []),
    join(engines, `dbt-${DBT_VERSION}`, BIN, NAME),
    ...onPath.map((folder) => join(folder, NAME)),
  ];
  for (const dbt of candidates) {
    if (!(await isExecutable(dbt))) continue;
    const python = await pythonBeside(dbt);
    if (python !== undefined) return { dbt, python };
  }
  return undefined;
}

/** A console script lies beside the interpreter of its environment. */
async function pythonBeside(dbt: string): Promise<string | undefined> {
  for (const folder of [dirname(dbt), dirname(await realpath(dbt))]) {
    for (const name of IS_WINDOWS ? ['python.exe'] : ['python', 'python3']) {
      const python = join(folder, name);
      if (await isExecutable(python)) return python;
    }
  }
  return undefined;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
