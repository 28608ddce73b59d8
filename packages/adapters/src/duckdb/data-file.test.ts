import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { DataFile } from './data-file.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-data-file-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function fileOf(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function rowsOf(file: DataFile, options: { fields: Record<string, string>; fromRow?: number }) {
  const rows: unknown[] = [];
  const { fields, fromRow = 0 } = options;
  for await (const batch of file.jsonRows({ fields, fromRow, batchRows: 2 })) {
    assert.ok(batch.length <= 2);
    rows.push(...batch.map((text) => JSON.parse(text) as unknown));
  }
  return rows;
}

const CSV = 'id,at,amount\n1,2026-01-01 10:00:00,1.5\n2,2026-01-02 11:30:00,\n3,2026-01-03 12:00:00,4\n';

test('a CSV file: columns with their types, rows in order, nulls', async () => {
  await using file = await DataFile.open(await fileOf('a.csv', CSV));
  assert.deepEqual(
    file.columns.map(({ name, type }) => [name, type]),
    [
      ['id', 'BIGINT'],
      ['at', 'TIMESTAMP'],
      ['amount', 'DOUBLE'],
    ],
  );
  assert.deepEqual(file.columns[0]?.range, { min: 1, max: 3 });
  assert.equal(file.rowCount, 3);
  const fields = { n: 'id', amount: 'amount' };
  assert.deepEqual(await rowsOf(file, { fields }), [
    { n: 1, amount: 1.5 },
    { n: 2, amount: null },
    { n: 3, amount: 4 },
  ]);
  assert.deepEqual(await rowsOf(file, { fields, fromRow: 2 }), [{ n: 3, amount: 4 }]);
  assert.deepEqual(await rowsOf(file, { fields, fromRow: 3 }), []);
});

test('TSV, NDJSON, gzip and Parquet', async () => {
  const parquet = join(folder, 'a.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`copy (select range::integer as n from range(5)) to '${parquet}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
  const paths = [
    parquet,
    await fileOf('a.tsv', 'n\tx\n0\ta\n1\tb\n2\tc\n3\td\n4\te\n'),
    await fileOf('a.ndjson', '{"n":0}\n{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n'),
    await fileOf('a.JSONL', '{"n":0}\n{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}'),
    await fileOf('b.csv.gz', gzipSync('n,x\n0,a\n1,b\n2,c\n3,d\n4,e\n')),
  ];
  for (const path of paths) {
    await using file = await DataFile.open(path);
    const rows = await rowsOf(file, { fields: { n: 'n' } });
    assert.deepEqual(rows, [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }], path);
    await using first = await DataFile.open(path, { rowsMax: 2 });
    assert.equal(first.rowCount, 2);
    assert.deepEqual(await rowsOf(first, { fields: { n: 'n' } }), [{ n: 0 }, { n: 1 }], path);
    assert.deepEqual(await first.query('select sum(n)::integer from file'), [[1]]);
  }
});

test('types come from all rows: a text far down does not break the reading', async () => {
  const lines = ['n', ...Array.from({ length: 50_000 }, (_, i) => String(i)), 'none'];
  await using file = await DataFile.open(await fileOf('late.csv', lines.join('\n')));
  assert.equal(file.columns[0]?.type, 'VARCHAR');
  assert.equal(file.rowCount, 50_001);
});

test('a name that reads as a pattern means itself', async () => {
  await fileOf('odd [a]?/d1.csv', 'wrong\n1\n');
  await fileOf('odd a?/d[1].csv', 'wrong\n1\n');
  await using file = await DataFile.open(await fileOf('odd [a]?/d[1].csv', 'right\n1\n'));
  assert.equal(file.columns[0]?.name, 'right');
  await using partition = await DataFile.open(await fileOf('day=3/x.csv', 'a\n1\n'));
  assert.deepEqual(
    partition.columns.map(({ name }) => name),
    ['a'],
  );
});

test('a header alone is a file without rows', async () => {
  await using file = await DataFile.open(await fileOf('header.csv', 'a,b\n'));
  assert.equal(file.rowCount, 0);
  assert.equal(file.columns.length, 2);
});

test('what cannot be read is refused with the reason', async () => {
  const cases: [string, RegExp][] = [
    [join(folder, 'absent.csv'), /absent\.csv: there is no such file/],
    [await fileOf('x.xlsx', 'x'), /x\.xlsx: files of this kind are not known/],
    [await fileOf('noextension', 'x'), /files of this kind are not known/],
    [await fileOf('empty.csv', ''), /it is empty/],
    [await fileOf('not.parquet', 'text that is no parquet at all'), /not\.parquet: .*[Pp]arquet/],
    [await fileOf('not.ndjson', '{"a":1}\nnot json\n'), /Malformed JSON/],
    [await fileOf('folder.csv/x', 'x').then((path) => join(path, '..')), /it is no file/],
  ];
  for (const [path, reason] of cases) {
    await assert.rejects(DataFile.open(path), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'DATA_FILE_UNREADABLE');
      assert.match(error.message, reason);
      return true;
    });
  }
});
