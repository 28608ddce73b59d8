import { join } from 'node:path';
import { type Located, locate } from './engines-folder.ts';

/** dbt-core's version; newer ones download a parser at installation from outside the package index. */
export const dbtVersion = '1.11.16';

/** The folder of executables inside a Python environment. */
export const pythonBinFolder = process.platform === 'win32' ? 'Scripts' : 'bin';

/** Real dbt with the DuckDB adapter: the `dbt` command of its own Python environment. */
export function dbtCommand(): Located {
  return locate('dbt', dbtVersion, join(pythonBinFolder, process.platform === 'win32' ? 'dbt.exe' : 'dbt'));
}
