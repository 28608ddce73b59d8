import type { SqlSession } from '../warehouse/index.ts';

/**
 * Runs the work in a transaction of its own; whatever it throws rolls everything back, temporary tables
 * included.
 */
export async function inTransaction<Result>(
  session: SqlSession,
  work: () => Promise<Result>,
): Promise<Result> {
  await session.run('begin');
  try {
    const result = await work();
    await session.run('commit');
    return result;
  } catch (error) {
    // The engine may have ended the transaction itself: the first error is the one that tells.
    await session.run('rollback').catch(() => undefined);
    throw error;
  }
}
