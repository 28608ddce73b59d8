import { isTest } from '../tree/source-files.ts';

/** The groups of tests, in the order in which they run. */
export const groupNames = ['unit', 'browser', 'engines', 'slow'] as const;
export type GroupName = (typeof groupNames)[number];

export interface Group {
  /** What a file's name has before `.test.ts`; empty for the group of all the others. */
  readonly infix: string;
  /** Files that run at the same time; what starts a browser or measures gets the machine alone. */
  readonly concurrency: number;
  /** A file that takes longer is ended and has failed. */
  readonly fileTimeoutMs: number;
  /** Part of a plain `npm test`. */
  readonly isDefault: boolean;
}

export const groups: Readonly<Record<GroupName, Group>> = {
  unit: { infix: '', concurrency: 2, fileTimeoutMs: 240_000, isDefault: true },
  browser: { infix: '.browser', concurrency: 1, fileTimeoutMs: 300_000, isDefault: true },
  engines: { infix: '.engine', concurrency: 2, fileTimeoutMs: 900_000, isDefault: true },
  slow: { infix: '.slow', concurrency: 1, fileTimeoutMs: 3_600_000, isDefault: false },
};

/** The group of a test file, by its name. */
export function groupOf(path: string): GroupName {
  const named = groupNames.find((name) => {
    const { infix } = groups[name];
    return infix !== '' && path.includes(`${infix}.test.`);
  });
  return named ?? 'unit';
}

/** The test files of a group whose path holds the filter text. */
export function testFilesOf(name: GroupName, paths: readonly string[], filter: string): string[] {
  return paths.filter((path) => isTest(path) && groupOf(path) === name && path.includes(filter));
}

export interface Selection {
  readonly groups: readonly GroupName[];
  readonly filter: string;
}

/** Reads `[GROUP …] [--filter TEXT]`; returns a sentence when the arguments are wrong. */
export function parseArguments(args: readonly string[]): Selection | string {
  const named: GroupName[] = [];
  let filter = '';
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    const group = groupNames.find((name) => name === arg);
    if (group !== undefined) named.push(group);
    else if (arg.startsWith('--filter=')) filter = arg.slice('--filter='.length);
    else if (arg === '--filter') filter = args[++index] ?? '';
    else return `There is no test group or option "${arg}".`;
  }
  const byDefault = groupNames.filter((name) => groups[name].isDefault);
  return {
    groups: named.length === 0 ? byDefault : groupNames.filter((name) => named.includes(name)),
    filter,
  };
}
