import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '@millrace/core/base';
import { findExecutable, kafkaStreamsClassPath } from '@millrace/testkit/engines';
import type { TrialResult } from '../trials/command.ts';
import { answerOf, randomCase, type StreamCase, type Written } from './stream-case.ts';

export interface ProveOptions {
  readonly cases: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

const BATCH_CASES = 500;

/** Random topologies in both test drivers; every difference is printed with its case's seed. */
export async function proveStreams({ cases, seed, log }: ProveOptions): Promise<TrialResult> {
  const classPath = kafkaStreamsClassPath();
  if ('absent' in classPath) throw new Error(classPath.absent);
  log(`seeds ${seed} to ${seed + cases - 1}`);
  let failed = 0;
  for (let done = 0; done < cases; done += BATCH_CASES) {
    const batch = Array.from({ length: Math.min(BATCH_CASES, cases - done) }, (_, i) => {
      return randomCase(seededRandom(seed + done + i));
    });
    const answers = await javaAnswers(classPath.path, batch);
    for (const [i, each] of batch.entries()) {
      const ours = answerOf(each);
      if (isDeepStrictEqual(ours, answers[i])) continue;
      failed++;
      log(`seed ${seed + done + i} differs: ${JSON.stringify(each)}`);
      log(`  ours ${JSON.stringify(ours)}\n  Java ${JSON.stringify(answers[i])}`);
    }
    log(`${done + batch.length} cases, ${failed} differ`);
  }
  return { passed: cases - failed, failed };
}

/** What Kafka Streams' test driver, in a Java process of its own, writes for each case. */
async function javaAnswers(classPath: string, cases: readonly StreamCase[]): Promise<Written[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-streams-oracle-'));
  try {
    const source = join(import.meta.dirname, 'StreamsOracle.java');
    const args = ['-cp', classPath, source, folder];
    const child = spawn(findExecutable(['java']) ?? 'java', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)));
    child.stdin.on('error', () => {});
    child.stdin.end(cases.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const answers: Written[][] = [];
    for await (const line of createInterface(child.stdout)) answers.push(JSON.parse(line) as Written[]);
    if (answers.length === cases.length) return answers;
    throw new Error(`Java answered ${answers.length} of ${cases.length} cases: ${errors}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
