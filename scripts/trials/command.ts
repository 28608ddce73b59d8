import { parseArgs } from 'node:util';

export interface TrialOptions {
  /** How many trials, at least 1. */
  readonly count: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

export interface TrialResult {
  readonly passed: number;
  readonly failed: number;
}

/** A command that tries something many times, from a seed, and counts what passed. */
export interface TrialCommand {
  /** As in `npm run NAME`. */
  readonly name: string;
  /** The option that says how many trials, and how many without it. */
  readonly count: { readonly option: 'times' | 'seeds' | 'cases'; readonly fallback: number };
  readonly subjects: Readonly<
    Record<string, { readonly about: string; readonly run: (options: TrialOptions) => Promise<TrialResult> }>
  >;
}

/** Runs the subject that the arguments name; returns the exit code: 0 when all trials passed. */
export async function runTrials(
  command: TrialCommand,
  argv: readonly string[],
  log: (line: string) => void,
): Promise<number> {
  const { option, fallback } = command.count;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      [option]: { type: 'string', default: String(fallback) },
      seed: { type: 'string', default: String(Date.now() % 100_000) },
      help: { type: 'boolean', default: false },
    },
  });
  const [name = ''] = positionals;
  const subject = Object.hasOwn(command.subjects, name) ? command.subjects[name] : undefined;
  const count = Number(values[option]);
  const seed = Number(values['seed']);
  const isValid = Number.isInteger(count) && count > 0 && Number.isInteger(seed) && seed >= 0;
  if (values['help'] === true || subject === undefined || !isValid) {
    log(usage(command));
    return values['help'] === true ? 0 : 1;
  }
  const { passed, failed } = await subject.run({ count, seed, log });
  log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function usage({ name, count, subjects }: TrialCommand): string {
  const lines = Object.entries(subjects).map(
    ([subject, { about }]) => `npm run ${name} -- ${subject} --${count.option} N [--seed S]\n\n${about}`,
  );
  return `${lines.join('\n\n')}\nWithout options: ${count.fallback} ${count.option}, a seed by the clock.`;
}
