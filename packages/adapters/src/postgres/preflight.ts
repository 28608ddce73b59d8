import { type PgConnection, qualified, quoted } from './connection.ts';
import { notReady, type SetupProblem } from './errors.ts';

export interface PreflightOptions {
  readonly publication: string;
  readonly slot: string;
}

/** Throws `POSTGRES_NOT_READY` with everything that is missing, each with the statement that supplies it. */
export async function preflight(connection: PgConnection, options: PreflightOptions): Promise<void> {
  const problems = [
    ...(await serverProblems(connection, options.slot)),
    ...(await publicationProblems(connection, options.publication)),
  ];
  if (problems.length > 0) throw notReady(problems);
}

async function serverProblems(connection: PgConnection, slot: string): Promise<SetupProblem[]> {
  const [row = []] = await connection.rows(
    `SELECT current_setting('server_version_num')::int >= 150000, current_setting('wal_level'),
       r.rolreplication OR r.rolsuper OR EXISTS (SELECT FROM pg_roles m WHERE m.rolname = 'rds_replication'
         AND pg_has_role(r.oid, m.oid, 'member')), current_user::text,
       (SELECT count(*) FROM pg_replication_slots WHERE slot_name <> $1),
       current_setting('max_replication_slots'), current_setting('max_wal_senders')
     FROM pg_roles r WHERE r.rolname = current_user`,
    [slot],
  );
  const [isNew, walLevel, mayReplicate, user, slots, slotsMax, sendersMax] = row;
  const problems: SetupProblem[] = [];
  const add = (what: string, statement: string): void => void problems.push({ what, statement });
  if (isNew !== 't')
    add('The server is older than Postgres 15.', '-- upgrade the server to Postgres 15 or newer');
  if (walLevel !== 'logical') {
    add(`wal_level is ${walLevel}.`, `ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server`);
  }
  if (mayReplicate !== 't') {
    add(`The role ${user} may not replicate.`, `ALTER ROLE ${quoted(user ?? '')} REPLICATION;`);
  }
  if (Number(slots) >= Number(slotsMax)) {
    const count = Number(slots) + 1;
    const statement = `ALTER SYSTEM SET max_replication_slots = ${count}; -- then restart the server`;
    add(`All ${slotsMax} replication slots are in use.`, statement);
  }
  if (Number(sendersMax) === 0) {
    add('max_wal_senders is 0.', 'ALTER SYSTEM SET max_wal_senders = 10; -- then restart the server');
  }
  return problems;
}

async function publicationProblems(connection: PgConnection, publication: string): Promise<SetupProblem[]> {
  const name = quoted(publication);
  const [row] = await connection.rows(
    `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = $1`,
    [publication],
  );
  if (row === undefined) {
    const statement = `CREATE PUBLICATION ${name} FOR ALL TABLES;`;
    return [{ what: `There is no publication ${publication}.`, statement }];
  }
  const problems: SetupProblem[] = [];
  if (row[0] !== 't') {
    const statement = `ALTER PUBLICATION ${name} SET (publish = 'insert, update, delete, truncate');`;
    problems.push({ what: `The publication ${publication} leaves out some changes.`, statement });
  }
  const tables = await connection.rows(
    `SELECT p.schemaname, p.tablename, current_user::text, c.relreplident,
       has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT')
     FROM pg_publication_tables p JOIN pg_namespace n ON n.nspname = p.schemaname
     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
     WHERE p.pubname = $1 ORDER BY 1, 2`,
    [publication],
  );
  const statements = new Map<string, string>();
  for (const [schema, table, user, identity, mayEnter, maySelect] of tables) {
    const full = qualified(schema ?? '', table ?? '');
    const role = quoted(user ?? '');
    if (mayEnter !== 't') {
      const statement = `GRANT USAGE ON SCHEMA ${quoted(schema ?? '')} TO ${role};`;
      statements.set(statement, `The role ${user} may not use the schema ${schema}.`);
    }
    if (maySelect !== 't') {
      statements.set(`GRANT SELECT ON ${full} TO ${role};`, `The role ${user} may not read ${full}.`);
    }
    if (identity === 'n') {
      const statement = `ALTER TABLE ${full} REPLICA IDENTITY DEFAULT;`;
      statements.set(statement, `${full} has no replica identity: updates of it fail.`);
    }
  }
  for (const [statement, what] of statements) problems.push({ what, statement });
  return problems;
}
