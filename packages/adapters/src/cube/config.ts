/**
 * Which parts of Cube's interface answer over HTTP and WebSocket; `sql` shows the SQL of queries and extended
 * meta.
 */
export type CubeApiScope = 'data' | 'meta' | 'graphql' | 'sql';

/**
 * Who may ask over HTTP and WebSocket.
 * - `open`: everybody who reaches the private socket, with the security context `{}`: for a server on
 *   loopback without keys.
 * - `token`: bearers of a JWT signed with HS256 by one of `secrets`; its claims are the security context.
 */
export type CubeAuth =
  | { readonly mode: 'open' }
  | { readonly mode: 'token'; readonly secrets: readonly string[] };

/** What the Cube thread is told; all of it can be cloned to a thread. */
export interface CubeConfig {
  /** Folder with standard Cube models, `*.yml`, `*.yaml` and `*.js`, at any depth. */
  readonly modelFolder: string;
  readonly auth: CubeAuth;
  /** Default `data`, `meta` and `graphql`. */
  readonly apiScopes: readonly CubeApiScope[];
  /** Memory of cached answers, default 32 MiB. */
  readonly cacheBytesMax: number;
  /** Queries at the warehouse at the same time, default 4; up to a thousand more wait. */
  readonly queriesMax: number;
  /** How often changed model files are looked for, default 250 ms; 0 never. */
  readonly modelPollMs: number;
}

export const cubeDefaults = {
  apiScopes: ['data', 'meta', 'graphql'],
  cacheBytesMax: 32 * 1024 * 1024,
  queriesMax: 4,
  modelPollMs: 250,
} as const satisfies Partial<CubeConfig>;

/**
 * The whole environment of the Cube thread: none of the process's own variables reach it.
 * `NODE_ENV` other than `production` would let requests pass without a valid token.
 */
export const cubeEnvironment = {
  NODE_ENV: 'production',
  CUBEJS_DB_TYPE: 'duckdb',
  CUBEJS_DEV_MODE: 'false',
  CUBEJS_TELEMETRY: 'false',
  CUBEJS_TESSERACT_SQL_PLANNER: 'false',
  CUBEJS_CACHE_AND_QUEUE_DRIVER: 'memory',
  CUBEJS_EXTERNAL_DEFAULT: 'false',
  CUBEJS_SCHEDULED_REFRESH_TIMER: 'false',
  CUBEJS_REFRESH_WORKER: 'false',
  CUBEJS_CONCURRENCY: '4',
  CUBEJS_MAX_REQUEST_SIZE: '1mb',
  CUBEJS_DB_QUERY_DEFAULT_LIMIT: '10000',
  CUBEJS_DB_QUERY_LIMIT: '50000',
} as const;
