import { type TestContext, test } from 'node:test';
import { appendingTests } from './appending-tests.ts';
import { consumingTests } from './consuming-tests.ts';
import { deletingTests } from './deleting-tests.ts';
import type { LogFixture } from './fixture.ts';
import { readingTests } from './reading-tests.ts';
import { topicTests } from './topic-tests.ts';

export interface LogHarness {
  /** Stands in the titles. */
  readonly name: string;
  /** An empty log; released by `t.after`. */
  start(t: TestContext): Promise<LogFixture>;
  /** Why none of it can run here; undefined when it can. */
  readonly absent?: string | undefined;
  /** How long a test may take. Default 30 seconds. */
  readonly timeoutMs?: number;
  /** Titles' rule ids that do not apply to this implementation, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** Registers the tests of all rules in `packages/core/src/log/SPEC.md` that every implementation keeps. */
export function eventLogSuite(harness: LogHarness): void {
  const all = { ...topicTests, ...appendingTests, ...readingTests, ...deletingTests, ...consumingTests };
  for (const [title, run] of Object.entries(all)) {
    const id = /^\[(\w+)\]/.exec(title)?.[1] ?? '';
    test(`${harness.name}: ${title}`, { timeout: harness.timeoutMs ?? 30_000 }, async (t) => {
      const reason = harness.absent ?? harness.skip?.[id];
      if (reason !== undefined) return t.skip(reason);
      const fixture = await harness.start(t);
      await run(fixture);
    });
  }
}
