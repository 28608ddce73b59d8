// Loaded by `node --test-reporter` into each test process: writes its events as one JSON object a line.
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** What the parent needs to know of one finished test, or of the end of the file. */
export type ReportedEvent =
  | { readonly kind: 'passed'; readonly name: string }
  | { readonly kind: 'skipped'; readonly name: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly name: string; readonly error: string }
  | { readonly kind: 'ended' };

const errorCharactersMax = 50_000;

/** A name with those of its suites before it, kept by nesting depth. */
function createNamer(): (nesting: number, name: string) => string {
  const open: string[] = [];
  return (nesting, name) => {
    open.length = nesting;
    open[nesting] = name;
    return open.filter((part) => part !== undefined).join(' › ');
  };
}

function describeError(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const text = inspect(cause, { depth: 4, colors: false });
  return text.length > errorCharactersMax ? `${text.slice(0, errorCharactersMax)} …` : text;
}

function report(
  event: TestEvent,
  nameOf: (nesting: number, name: string) => string,
): ReportedEvent | undefined {
  if (event.type === 'test:start') {
    nameOf(event.data.nesting, event.data.name);
    return undefined;
  }
  if (event.type === 'test:summary') return { kind: 'ended' };
  if (event.type !== 'test:pass' && event.type !== 'test:fail') return undefined;
  const { data } = event;
  const name = nameOf(data.nesting, data.name);
  const isSuite = data.details.type === 'suite';
  if (data.skip !== undefined) return { kind: 'skipped', name, reason: textOr(data.skip, 'no reason given') };
  if (data.todo !== undefined)
    return { kind: 'skipped', name, reason: `todo: ${textOr(data.todo, 'not written')}` };
  if (event.type === 'test:pass') return isSuite ? undefined : { kind: 'passed', name };
  const { error } = event.data.details;
  // What failed inside has been reported itself.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return undefined;
  return { kind: 'failed', name, error: describeError(error) };
}

function textOr(value: string | boolean, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

export default async function* eventReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const nameOf = createNamer();
  for await (const event of source) {
    const reported = report(event, nameOf);
    if (reported !== undefined) yield `${JSON.stringify(reported)}\n`;
  }
}
