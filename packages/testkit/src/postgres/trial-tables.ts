import type { Random } from '@millrace/core/base';

/** A table of the random trial: how it is made, written and compared. */
export interface TrialTable {
  readonly name: string;
  readonly create: string;
  /** Columns of the key. */
  readonly key: readonly string[];
  /** SQL that gives each column's value as the envelope has it. */
  readonly compared: Readonly<Record<string, string>>;
  statement(random: Random): string;
}

function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

function large(random: Random): string {
  return `repeat(md5('${random.next()}'), ${100 + below(random, 200)})`;
}

export const trialTables: readonly TrialTable[] = [
  {
    name: 'accounts',
    create: `CREATE TABLE accounts (id int PRIMARY KEY, balance numeric, big int8)`,
    key: ['id'],
    compared: { id: 'id', balance: 'balance', big: 'big' },
    statement(random) {
      const id = below(random, 60);
      const pick = random.next();
      const amount = `${below(random, 1e9)}.${below(random, 1e9)}0`;
      if (pick < 0.5) {
        return `INSERT INTO accounts VALUES (${id}, ${amount}, 9007199254740993 + ${id}) ON CONFLICT (id)
          DO UPDATE SET balance = excluded.balance`;
      }
      if (pick < 0.7) return `DELETE FROM accounts WHERE id = ${id}`;
      if (pick < 0.99) {
        return `UPDATE accounts SET id = ${id} WHERE id = ${below(random, 60)}
          AND NOT EXISTS (SELECT FROM accounts WHERE id = ${id})`;
      }
      return 'TRUNCATE accounts';
    },
  },
  {
    name: 'Odd "names"',
    create: `CREATE TABLE "Odd ""names""" (a int, "B b" text, state mood, tags text[], PRIMARY KEY (a, "B b"));
      ALTER TABLE "Odd ""names""" REPLICA IDENTITY FULL`,
    key: ['a', 'B b'],
    compared: { 'a': 'a', 'B b': '"B b"', 'state': 'state', 'tags': 'array_to_json(tags)' },
    statement(random) {
      const [a, b] = [below(random, 8), below(random, 8)];
      const pick = random.next();
      const mood = ['happy', 'so, so', 'sad'][below(random, 3)];
      if (pick < 0.5) {
        return `INSERT INTO "Odd ""names""" VALUES (${a}, '${b}', '${mood}', '{"x,y","q\\"u",NULL,${a}}')
          ON CONFLICT DO NOTHING`;
      }
      if (pick < 0.7) return `DELETE FROM "Odd ""names""" WHERE a = ${a}`;
      return `UPDATE "Odd ""names""" o SET "B b" = '${b}', state = '${mood}' WHERE a = ${a} AND "B b" = '${a}'
        AND NOT EXISTS (SELECT FROM "Odd ""names""" n WHERE n.a = ${a} AND n."B b" = '${b}')`;
    },
  },
  {
    name: 'items',
    create: `CREATE TABLE items (id int8 PRIMARY KEY, note text, doc jsonb, at timestamptz, raw bytea, n int);
      ALTER TABLE items ALTER note SET STORAGE EXTERNAL`,
    key: ['id'],
    compared: {
      id: 'id',
      note: 'note',
      doc: 'doc::text',
      at: `replace(replace(at::text, ' ', 'T'), '+00', 'Z')`,
      raw: `replace(encode(raw, 'base64'), chr(10), '')`,
      n: 'n',
    },
    statement(random) {
      const id = below(random, 200);
      const pick = random.next();
      if (pick < 0.4) {
        return `INSERT INTO items VALUES (${id}, ${large(random)}, '{"n": 9007199254740993.10}', clock_timestamp(),
          decode(md5('${id}'), 'hex'), 0) ON CONFLICT (id) DO UPDATE SET doc = '[1, null]', at = excluded.at`;
      }
      if (pick < 0.8) return `UPDATE items SET n = n + 1 WHERE id % 20 = ${id % 20}`;
      return `DELETE FROM items WHERE id = ${id}`;
    },
  },
];
