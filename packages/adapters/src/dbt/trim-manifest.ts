/**
 * The parts of dbt's manifest that Millrace needs, in a form that depends on the models alone: no times, no
 * paths.
 */

type Json = Readonly<Record<string, unknown>>;

export interface TrimOptions {
  readonly filesChecksum: string;
  /** The manifest of the incremental variants; undefined when there are none. */
  readonly incremental: Json | undefined;
}

const NODE_TYPES = new Set(['model', 'seed', 'snapshot']);

/** Returns the text of the trimmed manifest. */
export function trimManifest(full: Json, { filesChecksum, incremental }: TrimOptions): string {
  const metadata = full['metadata'] as Json;
  const variants = (incremental?.['nodes'] ?? {}) as Record<string, Json>;
  const nodes = Object.entries(full['nodes'] as Record<string, Json>).filter(([, node]) =>
    NODE_TYPES.has(String(node['resource_type'])),
  );
  const sources = Object.entries(full['sources'] as Record<string, Json>);
  const trimmed = {
    metadata: {
      ...pick(metadata, ['dbt_schema_version', 'dbt_version', 'project_name', 'adapter_type']),
      millrace_files_checksum: filesChecksum,
    },
    nodes: sorted(nodes.map(([id, node]) => [id, trimNode(node, variants[id])])),
    sources: sorted(sources.map(([id, source]) => [id, trimSource(source)])),
  };
  return `${JSON.stringify(trimmed, null, 2)}\n`;
}

function trimNode(node: Json, variant: Json | undefined): Json {
  const config = node['config'] as Json;
  const isIncremental = config['materialized'] === 'incremental';
  return {
    ...pick(node, [
      'unique_id',
      'resource_type',
      'name',
      'description',
      'language',
      'database',
      'schema',
      'alias',
    ]),
    config: inOrder(pick(config, ['materialized', 'unique_key', 'incremental_strategy', 'meta'])),
    depends_on: { nodes: (node['depends_on'] as Json | undefined)?.['nodes'] ?? [] },
    ...(node['compiled_code'] === undefined ? {} : { compiled_code: node['compiled_code'] }),
    ...(isIncremental && variant !== undefined
      ? { compiled_code_incremental: variant['compiled_code'] }
      : {}),
  };
}

function trimSource(source: Json): Json {
  const names = [
    'unique_id',
    'resource_type',
    'source_name',
    'name',
    'description',
    'database',
    'schema',
    'identifier',
  ];
  return {
    ...pick(source, [...names, 'loaded_at_field', 'freshness']),
    config: inOrder(pick(source['config'] as Json, ['meta'])),
  };
}

function pick(from: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter((key) => from[key] != null).map((key) => [key, from[key]]));
}

function sorted(entries: readonly (readonly [string, Json])[]): Json {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Keys in order at every depth: dbt gives those of `meta` in another order each time. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, held]) => [key, inOrder(held)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
