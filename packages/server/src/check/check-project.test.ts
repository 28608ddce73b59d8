import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkProject } from './check-project.ts';

const root = join(import.meta.dirname, '../../../..');
const cacheFolder = join(root, '.millrace', 'cache');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-check-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A copy of the flights with some text replaced, or files added. */
async function flightsWith(
  name: string,
  changes: Readonly<Record<string, (text: string) => string>>,
): Promise<string> {
  const copy = join(folder, name);
  const filter = (path: string) => !/node_modules|\.millrace/.test(path.slice(root.length));
  await cp(join(root, 'examples/flights'), copy, { recursive: true, filter });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const [path, change] of Object.entries(changes)) {
    const before = await readFile(join(copy, path), 'utf8').catch(() => '');
    const changed = change(before);
    assert.notEqual(changed, before, path);
    await writeFile(join(copy, path), changed);
  }
  return copy;
}

const textsOf = async (project: string) =>
  (await checkProject(project, { cacheFolder })).problems.map(({ text }) => text.replaceAll(project, ''));

function assertAll(texts: readonly string[], wanted: readonly RegExp[]): void {
  for (const pattern of wanted)
    assert.ok(
      texts.some((text) => pattern.test(text)),
      `${pattern}\n${texts.join('\n')}`,
    );
  assert.equal(texts.length, wanted.length, texts.join('\n'));
}

test('the examples have no problem', async () => {
  for (const example of ['flights', 'storefront']) {
    assert.deepEqual(await textsOf(join(root, 'examples', example)), [], example);
  }
});

test('tiles: members, columns, figures, stores and queries that do not exist are named with their file', async () => {
  const project = await flightsWith('tiles', {
    'dashboards/flights.yml': (text) =>
      `${text
        .replace('[flights.average_delay]', '[flights.avg_delay]')
        .replace('figures: [events_last_second]', 'figures: [evnts]')
        .replace('{ column: flights.origin,', '{ column: flights.nothing,')}
  - title: No store
    kind: table
    query: { source: stream, store: nowhere }
  - title: No source
    kind: number
    query: { source: nothing }
`,
  });
  assertAll(await textsOf(project), [/^dashboards\/flights\.yml:\d+:\d+: .*nothing/]);
  await writeFile(
    join(project, 'dashboards/flights.yml'),
    (await readFile(join(project, 'dashboards/flights.yml'), 'utf8')).replace(
      'source: nothing',
      'source: system, figures: [stored]',
    ),
  );
  assertAll(await textsOf(project), [
    /tile 'Average delay': .*avg_delay/,
    /tile 'Events per second': there is no figure 'evnts'/,
    /tile 'Average delay by origin': its query gives no column 'flights\.nothing'/,
    /tile 'No store': .*nowhere/,
  ]);
});

test('models: older than their files, and a cube on a column that the mart does not have', async () => {
  const project = await flightsWith('models', {
    'models/marts/fct_flights_by_route.sql': (text) => text.replace('One row', 'A row'),
    'semantic/flights.yml': (text) => text.replace('sql: distance_miles', 'sql: distance_km'),
  });
  assertAll(await textsOf(project), [
    /models.* changed after they were compiled: run `npx millrace compile`/,
    /tile 'Distance flown': .*distance_km/,
  ]);
});

test('metrics that do not compile are named once', async () => {
  const project = await flightsWith('metrics', {
    'semantic/flights.yml': (text) => text.replace('type: sum', 'type: summ'),
  });
  const texts = await textsOf(project);
  assert.equal(texts.length, 1, texts.join('\n'));
  assert.match(texts[0] ?? '', /^semantic\/.*flights\.yml/);
});

test('definitions that contradict each other', async () => {
  const project = await flightsWith('names', {
    'events/second.ts': () => `import { defineEvent, Type } from 'millrace';
export const second = defineEvent({ name: 'flight', version: 1, schema: Type.Object({}) });\n`,
  });
  assertAll(await textsOf(project), [/CONTRACT_DUPLICATE_NAME: .*events\/(flight|second)\.ts.*events\//]);
});

test('alerts on figures that do not exist, names given twice, scripts that are not there', async () => {
  const project = await flightsWith('alerts', {
    'events/alerts.ts': () => `import { defineEvent, Type } from 'millrace';
export const other = defineEvent({ name: 'other', version: 1, topic: 'other', schema: Type.Object({}) });\n`,
    'millrace.config.ts': (text) =>
      text.replace(
        '  // The flights',
        "  companions: [{ name: 'x', script: 'absent.ts' }],\n  // The flights",
      ),
  });

  await mkdir(join(project, 'alerts'));
  const alert = (name: string, figure: string) =>
    `defineAlert({ name: '${name}', description: 'x', when: { figure: '${figure}', above: 1 } })`;
  await writeFile(
    join(project, 'alerts/a.ts'),
    `import { defineAlert } from 'millrace';\nexport default [${alert('a', 'stored')}, ${alert('a', 'nope')}];\n`,
  );
  assertAll(await textsOf(project), [
    /alerts\/a\.ts: more than one alert has the name 'a'/,
    /companion 'x' runs absent\.ts, which does not exist/,
    /alert 'a' watches 'nope', and there is no such figure/,
  ]);
});
