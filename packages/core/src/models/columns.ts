import type { SqlSession } from '../warehouse/index.ts';

export interface ResultColumn {
  readonly name: string;
  /** The engine's name of the type: `BIGINT`, `DECIMAL(18,2)`, … */
  readonly type: string;
}

/** The columns of a query without running it. Throws what the engine says about SQL that it refuses. */
export async function describeQuery(session: SqlSession, sql: string): Promise<ResultColumn[]> {
  // The line break ends a comment on the last line.
  const rows = await session.rows(`describe select * from (${sql}\n)`);
  return rows.map((row) => ({ name: String(row[0]), type: String(row[1]) }));
}

/** Types by name in lower case. */
export function typesByName(columns: readonly ResultColumn[]): ReadonlyMap<string, string> {
  return new Map(columns.map(({ name, type }) => [name.toLowerCase(), type]));
}

export function sameColumns(a: readonly ResultColumn[], b: readonly ResultColumn[]): boolean {
  return a.length === b.length && a.every(({ name, type }, i) => name === b[i]?.name && type === b[i]?.type);
}
