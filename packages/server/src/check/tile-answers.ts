import type { LiveMessage, LiveRequest } from '@millrace/core/live';
import type { Profile } from '../profile.ts';
import type { DashboardsReport, Tile } from '../wire/index.ts';
import type { Problem } from './problem.ts';

interface AskedTile {
  readonly place: string;
  readonly tile: Tile;
  readonly isTrend: boolean;
}

const QUERIES_AT_ONCE = 50;
const TAKE_BYTES = 1 << 20;
const ANSWER_MS = 30_000;

/** Asks the query of every tile once, and names those that have no answer, or show what is not in it. */
export async function askTiles(profile: Profile, dashboards: DashboardsReport): Promise<Problem[]> {
  const asked: { request: LiveRequest; about: AskedTile }[] = [];
  for (const { file, dashboard } of Object.values(dashboards)) {
    for (const tile of dashboard?.tiles ?? []) {
      const place = `${file}: tile '${tile.title}'`;
      const ask = (query: LiveRequest['query'], isTrend: boolean) =>
        asked.push({ request: { id: String(asked.length), query }, about: { place, tile, isTrend } });
      ask(tile.query, false);
      if (tile.kind === 'number' && tile.trend !== undefined) ask(tile.trend, true);
    }
  }
  const problems: Problem[] = [];
  for (let first = 0; first < asked.length; first += QUERIES_AT_ONCE) {
    const part = asked.slice(first, first + QUERIES_AT_ONCE);
    const answers = await answersOf(
      profile,
      part.map(({ request }) => request),
    );
    for (const { request, about } of part) {
      problems.push(...problemsOf(profile, { about, query: request.query, answer: answers.get(request.id) }));
    }
  }
  return problems;
}

/** The first result, or the trouble that stays, of each query. */
async function answersOf(
  { hub }: Profile,
  requests: readonly LiveRequest[],
): Promise<ReadonlyMap<string, LiveMessage>> {
  const answers = new Map<string, LiveMessage>();
  const complete = Promise.withResolvers<void>();
  const read = () => {
    while (viewer.due) {
      for (const text of viewer.take(TAKE_BYTES)) {
        const message = JSON.parse(text) as LiveMessage;
        if (message.type === 'trouble' && message.state === 'starting') continue;
        if (!answers.has(message.query)) answers.set(message.query, message);
      }
    }
    if (answers.size === requests.length) complete.resolve();
  };
  const viewer = hub.connect({ wake: () => setImmediate(read) });
  const timer = setTimeout(() => complete.resolve(), ANSWER_MS);
  viewer.request(requests);
  await complete.promise;
  clearTimeout(timer);
  viewer.close();
  return answers;
}

interface Answered {
  readonly about: AskedTile;
  readonly query: LiveRequest['query'];
  readonly answer: LiveMessage | undefined;
}

function problemsOf({ figures }: Profile, { about, query, answer }: Answered): Problem[] {
  const { place, tile, isTrend } = about;
  if (answer === undefined) return [{ text: `${place} has no answer.`, remedy: undefined }];
  if (answer.type === 'trouble') {
    return [{ text: `${place}: ${answer.code}: ${answer.message}`, remedy: answer.remedy }];
  }
  const problems: Problem[] = [];
  if (query['source'] === 'system') {
    for (const name of [query['figures']].flat()) {
      if (figures.names().has(String(name))) continue;
      const remedy = `There are ${[...figures.names()].toSorted().join(', ')}.`;
      problems.push({ text: `${place}: there is no figure '${String(name)}'.`, remedy });
    }
  }
  if (answer.type !== 'snapshot' || isTrend) return problems;
  const { columns } = answer.result;
  for (const column of shownColumns(tile)) {
    if (columns.includes(column)) continue;
    const remedy = `The query gives ${columns.join(', ')}.`;
    problems.push({ text: `${place}: its query gives no column '${column}'.`, remedy });
  }
  return problems;
}

function shownColumns(tile: Tile): string[] {
  const named: (string | undefined)[] = [];
  if (tile.kind === 'number') named.push(tile.value);
  if (tile.kind === 'bar') named.push(tile.label, tile.value);
  if (tile.kind === 'series') named.push(tile.time, tile.by, ...tile.values.map(({ column }) => column));
  if (tile.kind === 'table') named.push(...tile.columns.map(({ column }) => column));
  return named.filter((column) => column !== undefined);
}
