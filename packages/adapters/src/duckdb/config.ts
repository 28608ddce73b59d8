import { join } from 'node:path';

export interface DuckdbWarehouseOptions {
  /** Folder of the database file `millrace.duckdb` and of what DuckDB spills; created when missing. */
  readonly folder: string;
  /** Memory of DuckDB's own (not of the process). Default 256 MiB. */
  readonly memoryBytesMax?: number;
  /** Threads of DuckDB's own. Default 2. */
  readonly threads?: number;
  /** What queries may spill to disk when memory does not do. Default 2 GiB. */
  readonly spillBytesMax?: number;
  /** Queries that run at the same time; more wait. Default 2. */
  readonly queriesMax?: number;
  /** Write-ahead log that is written back between two loads. Default 16 MiB. */
  readonly walBytesMax?: number;
  /** The compiled dbt manifest. Absent: raw tables only. */
  readonly manifestPath?: string;
}

/** What the thread needs to open the database: plain data, so that it crosses to it. */
export interface DatabaseSettings {
  readonly file: string;
  readonly spillFolder: string;
  readonly memoryBytesMax: number;
  readonly threads: number;
  readonly spillBytesMax: number;
  readonly queriesMax: number;
  readonly walBytesMax: number;
  readonly manifestPath: string | undefined;
}

const MIB = 1024 * 1024;

export function databaseSettings(options: DuckdbWarehouseOptions): DatabaseSettings {
  return {
    file: join(options.folder, `${CATALOG}.duckdb`),
    spillFolder: join(options.folder, 'spill'),
    memoryBytesMax: options.memoryBytesMax ?? 256 * MIB,
    threads: options.threads ?? 2,
    spillBytesMax: options.spillBytesMax ?? 2048 * MIB,
    queriesMax: options.queriesMax ?? 2,
    walBytesMax: options.walBytesMax ?? 16 * MIB,
    manifestPath: options.manifestPath,
  };
}

/** The name that compiled SQL uses, whatever the file is called. */
export const CATALOG = 'millrace';

/**
 * A checkpoint rewrites the last, partly filled row group of each table that grew. With a quarter of DuckDB's
 * usual 122,880 rows it takes 100 ms at most where it took up to 1,100 (docs/design/warehouse.md); scans cost
 * the same.
 */
export const ROW_GROUP_SIZE = 30_720;
/** Cheaper to write at checkpoints than the default, which stays readable for DuckDB 0.10. */
export const STORAGE_VERSION = 'v1.5.0';

/**
 * Settings that have to be given before the file is attached. Checkpoints are ours to start: no commit may
 * cause one.
 */
export function instanceSettings(settings: DatabaseSettings): Record<string, string> {
  return {
    threads: String(settings.threads),
    memory_limit: `${Math.floor(settings.memoryBytesMax / 1024)}KiB`,
    temp_directory: settings.spillFolder,
    max_temp_directory_size: `${Math.floor(settings.spillBytesMax / 1024)}KiB`,
    checkpoint_threshold: '1TB',
    auto_checkpoint_skip_wal_threshold: '1000000000000',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    allow_unsigned_extensions: 'false',
  };
}

/** From here on nothing but the attached file can be reached, and no setting changed. */
export const LOCK_DOWN = [
  "set global TimeZone = 'UTC'",
  'set global enable_external_access = false',
  'set global lock_configuration = true',
].join(';');
