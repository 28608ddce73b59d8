import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TableSchema } from '@millrace/core/contract';
import { compiledManifestPath } from './compiled-manifest.ts';
import { findDbt, type DbtCommand } from './dbt-command.ts';
import { runDbt, runSql, type DbtRunOptions } from './dbt-run.ts';
import { fail } from './errors.ts';
import { checksumProjectFiles } from './project-files.ts';
import { trimManifest } from './trim-manifest.ts';

export interface CompileOptions {
  /** The dbt project. */
  readonly projectFolder: string;
  /** The raw tables that the event contracts give: models are compiled against them, empty. */
  readonly tables: readonly TableSchema[];
  /** Default: what `findDbt` finds. */
  readonly command?: DbtCommand;
}

export interface CompiledModels {
  /** The file that was written: `compiled/manifest.json` of the project. */
  readonly path: string;
  readonly modelCount: number;
}

type Node = Readonly<Record<string, unknown>>;
type DbtManifest = { nodes: Record<string, Node>; sources: Record<string, Node> } & Node;

/**
 * Has real dbt compile the models and writes `compiled/manifest.json`, which Millrace runs without Python.
 * Incremental models are compiled twice: as a full refresh, and as an incremental run, which dbt only renders
 * when the relation exists; both happen on an empty temporary warehouse.
 * @throws DBT_NOT_FOUND, DBT_NO_PROJECT, DBT_FAILED
 */
export async function compileModels({
  projectFolder,
  tables,
  command,
}: CompileOptions): Promise<CompiledModels> {
  const found = command ?? (await findDbt());
  if (found === undefined) throw fail('DBT_NOT_FOUND');
  const workFolder = await mkdtemp(join(tmpdir(), 'millrace-compile-'));
  try {
    const options: DbtRunOptions = {
      command: found,
      projectFolder,
      // The stem is the catalog's name.
      warehouseFile: join(workFolder, 'millrace.duckdb'),
      targetFolder: join(workFolder, 'full'),
    };
    await runSql(rawTables(tables), options);
    const full = await compile(['--full-refresh'], options);
    if (nodesOf(full, 'seed').length > 0) await runDbt(['seed'], options);
    let incremental: DbtManifest | undefined;
    if (nodesOf(full, 'model').some((node) => materializedOf(node) === 'incremental')) {
      await runSql(emptyRelations(full), options);
      incremental = await compile([], { ...options, targetFolder: join(workFolder, 'incremental') });
    }
    const filesChecksum = await checksumProjectFiles(projectFolder);
    const path = compiledManifestPath(projectFolder);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, trimManifest(full, { filesChecksum, incremental }));
    return { path, modelCount: nodesOf(full, 'model').length };
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

async function compile(args: readonly string[], options: DbtRunOptions): Promise<DbtManifest> {
  await runDbt(['compile', ...args], options);
  return JSON.parse(await readFile(join(options.targetFolder, 'manifest.json'), 'utf8')) as DbtManifest;
}

/** The loader's tables, empty. */
export function rawTables(tables: readonly TableSchema[]): string {
  const system = 'ingest_seq bigint, received_at timestamp, log_partition integer, log_offset bigint';
  const statements = tables.map(({ table, columns }) => {
    // The contract's types are DuckDB's own names.
    const own = columns.map(({ name, type }) => `${quoteName(name)} ${type}`);
    return `create table raw.${quoteName(table)} (${[...own, system].join(', ')})`;
  });
  return ['create schema raw', 'create table raw.as_of (as_of timestamp)', ...statements].join(';\n');
}

/** All models as empty relations, parents first. */
function emptyRelations(manifest: DbtManifest): string {
  const statements: string[] = [];
  const done = new Set<string>();
  const visit = (id: string): void => {
    const node = manifest.nodes[id];
    if (node === undefined || done.has(id)) return;
    done.add(id);
    for (const parent of (node['depends_on'] as { nodes?: string[] } | undefined)?.nodes ?? []) visit(parent);
    const materialized = materializedOf(node);
    if (node['resource_type'] !== 'model' || node['language'] !== 'sql' || materialized === 'ephemeral')
      return;
    const kind = materialized === 'view' ? 'view' : 'table';
    const schema = quoteName(String(node['schema']));
    const name = `${schema}.${quoteName(String(node['alias'] ?? node['name']))}`;
    statements.push(`create schema if not exists ${schema}`);
    statements.push(`create ${kind} ${name} as select * from (${String(node['compiled_code'])}\n) limit 0`);
  };
  for (const id of Object.keys(manifest.nodes).toSorted()) visit(id);
  return statements.join(';\n');
}

function nodesOf(manifest: DbtManifest, type: string): Node[] {
  return Object.values(manifest.nodes).filter((node) => node['resource_type'] === type);
}

function materializedOf(node: Node): unknown {
  return (node['config'] as Node | undefined)?.['materialized'];
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
