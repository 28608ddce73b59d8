import { randomBytes, randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { CubejsServerCore } from '@cubejs-backend/server-core';
import { assert, isMillraceError, type MillraceError } from '@millrace/core/base';
import type { SecurityContext } from '@millrace/core/semantic';
import type { SqlValue } from '@millrace/core/warehouse';
import { createCheckAuth, groupsOf } from './auth.ts';
import { BoundedMap } from './bounded-map.ts';
import { VersionedCache } from './cache.ts';
import type { CubeConfig } from './config.ts';
import type { DataVersions } from './data-versions.ts';
import { NaiveUtcDialect } from './dialect.ts';
import type { WarehouseAnswer, WarehouseDriver } from './driver.ts';
import { fail } from './errors.ts';
import { checkCompiledCubes, type CompiledCube, type ModelFile } from './model-rules.ts';
import { SqlRelations } from './sql-relations.ts';

export interface EmbeddedCubeOptions {
  readonly config: CubeConfig;
  readonly driver: WarehouseDriver;
  readonly versions: DataVersions;
  readonly log: (level: 'debug' | 'warn' | 'error', message: string) => void;
}

/** One of Cube's request contexts. */
export interface CubeContext {
  readonly requestId: string;
  readonly securityContext: SecurityContext;
}

/** Sent by Cube for an answer: a wrapped result, or an object with `error`. */
export interface CubeReply {
  readonly isWrapper?: boolean;
  readonly error?: string;
  finalObject?(): unknown;
  getFinalResult?(): Promise<Uint8Array>;
}

export interface CubeGateway {
  load(request: {
    query: unknown;
    queryType: 'multi';
    context: CubeContext;
    res: (reply: CubeReply) => unknown;
  }): Promise<void>;
  meta(request: { context: CubeContext; res: (reply: unknown) => unknown }): Promise<void>;
  getNormalizedQueries(query: unknown, context: CubeContext): Promise<[unknown, readonly unknown[], unknown]>;
  getSqlQueriesInternal(
    context: CubeContext,
    queries: readonly unknown[],
  ): Promise<readonly { sql: [string, SqlValue[]] }[]>;
}

export interface CubeSubscriptions {
  processMessage(connectionId: string, body: string): Promise<void>;
  processSubscriptions(): Promise<void>;
  disconnect(connectionId: string): Promise<void>;
}

/** A compiled set of models; Cube's `CompilerApi`. */
export interface CompiledModels {
  getCompilers(): Promise<{
    readonly cubeEvaluator: { cubeNames(): string[]; cubeFromPath(name: string): CompiledCube };
    readonly compilerCache: { queryCache: unknown };
  }>;
}

interface QueryBody {
  readonly query: string;
  readonly values: readonly SqlValue[];
  readonly cacheMode?: string;
  readonly requestId?: string;
  readonly persistent?: boolean;
  readonly preAggregations?: readonly unknown[];
}

interface QueryCache {
  cachedQueryResult(body: QueryBody): Promise<{ data: unknown; lastRefreshTime: Date | undefined }>;
}

// Cube keeps 10,000 compiled queries of 20 to 30 KB; a range that ends now is another query each time.
const compiledQueriesMax = 500;

/**
 * Cube with three things replaced: where compiled models come from, how queries reach the data, and the cache
 * between.
 *
 * Cube's own cache lives by timers and joins equal queries across changes of the data: an answer can be a
 * second old, and a query that was running when the data changed is stored as if it were new. Here the data
 * version is part of both the cache's and the flights' key (`VersionedCache`).
 */
export class EmbeddedCube extends CubejsServerCore {
  readonly #embedded: EmbeddedCubeOptions;
  readonly #cache: VersionedCache<WarehouseAnswer>;
  readonly #relations: SqlRelations;
  readonly #failures = new BoundedMap<MillraceError>(1_000);
  #models: CompiledModels | undefined;
  #hooked: object | undefined;

  constructor(options: EmbeddedCubeOptions) {
    const { config, driver, log } = options;
    const settings = {
      driverFactory: () => driver,
      dialectFactory: () => NaiveUtcDialect,
      schemaPath: config.modelFolder,
      basePath: '/cubejs-api',
      devServer: false,
      telemetry: false,
      webSockets: true,
      scheduledRefreshTimer: false,
      allowNodeRequire: false,
      // Longer than any query at the warehouse: answers come whole, never as `Continue wait`, so a query that
      // is slower than the data changes still gets one.
      orchestratorOptions: { continueWaitTimeout: 90 },
      // Cube wants one; `checkAuth` decides without it.
      apiSecret: randomBytes(32).toString('hex'),
      checkAuth: createCheckAuth(config.auth),
      contextToGroups: groupsOf,
      contextToApiScopes: () => [...config.apiScopes],
      logger: (message: string, params: { error?: unknown; warning?: unknown }) => {
        // The parameters hold tokens and filter values: only the error's own text is logged.
        const problem = params.error ?? params.warning;
        if (problem === undefined) return;
        const text = problem instanceof Error ? problem.message : JSON.stringify(problem);
        const level = /^(User ?Error|Orchestrator error|Error querying db)$/.test(message) ? 'debug' : 'warn';
        log(level, `${message}: ${text.slice(0, 500)}`);
      },
    };
    super(settings as unknown as ConstructorParameters<typeof CubejsServerCore>[0]);
    this.#embedded = options;
    this.#relations = new SqlRelations((sql, params) => driver.ask(sql, params));
    this.#cache = new VersionedCache({ bytesMax: config.cacheBytesMax, bytesOf });
  }

  get figures(): VersionedCache<WarehouseAnswer>['figures'] {
    return this.#cache.figures;
  }

  get gateway(): CubeGateway {
    return this.apiGateway() as unknown as CubeGateway;
  }

  /** The models that answer from now on. */
  serve(models: CompiledModels): void {
    this.#models = models;
    this.#relations.forget();
  }

  /** Compiles and checks; nothing is served differently yet. */
  async compile(files: readonly ModelFile[]): Promise<CompiledModels> {
    const repository = {
      localPath: () => this.#embedded.config.modelFolder,
      dataSchemaFiles: async () => files,
    };
    const models = this.createCompilerApi(repository, {
      dbType: async () => 'duckdb',
      dialectClass: () => NaiveUtcDialect,
      contextToGroups: groupsOf,
      context: {},
      allowNodeRequire: false,
    }) as unknown as CompiledModels;
    const { compilerCache, cubeEvaluator } = await models.getCompilers();
    assertMembers(compilerCache, ['queryCache', 'getQueryCache']);
    compilerCache.queryCache = new BoundedMap(compiledQueriesMax);
    checkCompiledCubes(cubeEvaluator.cubeNames().map((name) => cubeEvaluator.cubeFromPath(name)));
    return models;
  }

  /** The relations that a query reads with this caller's row filters; undefined: all. */
  async tablesOf(query: unknown, securityContext: SecurityContext): Promise<ReadonlySet<string> | undefined> {
    const context = this.context(securityContext);
    const [, normalized] = await this.gateway.getNormalizedQueries(query, context);
    const statements = await this.gateway.getSqlQueriesInternal(context, normalized);
    const tables = new Set<string>();
    for (const { sql } of statements) {
      const relations = await this.#relations.of(sql[0]);
      if (relations.tables === undefined) return undefined;
      for (const table of relations.tables) tables.add(table);
    }
    return tables;
  }

  context(securityContext: SecurityContext): CubeContext {
    return { requestId: randomUUID(), securityContext };
  }

  /** Why the warehouse failed the request, once: Cube itself passes on no more than a text. */
  takeFailure({ requestId }: CubeContext): MillraceError | undefined {
    return this.#failures.take(requestId);
  }

  override async initApp(app: RequestListener): Promise<void> {
    assertMembers(this.gateway, [
      'load',
      'meta',
      'getNormalizedQueries',
      'getSqlQueriesInternal',
      'checkAuthFn',
    ]);
    await this.getOrchestratorApi(this.context({}));
    await super.initApp(app as never);
  }

  subscriptions(send: (connectionId: string, message: unknown) => Promise<void>): CubeSubscriptions {
    const subscriptions = this.initSubscriptionServer(send);
    assertMembers(subscriptions, ['processMessage', 'processSubscriptions', 'disconnect']);
    return subscriptions;
  }

  override getCompilerApi(): ReturnType<CubejsServerCore['getCompilerApi']> {
    if (this.#models === undefined) return Promise.reject(fail('CUBE_MODEL_BROKEN'));
    return Promise.resolve(this.#models) as unknown as ReturnType<CubejsServerCore['getCompilerApi']>;
  }

  override async getOrchestratorApi(
    context: Parameters<CubejsServerCore['getOrchestratorApi']>[0],
  ): ReturnType<CubejsServerCore['getOrchestratorApi']> {
    const api = await super.getOrchestratorApi(context);
    if (this.#hooked !== api) {
      const { orchestrator } = api as unknown as { orchestrator?: { queryCache?: QueryCache } };
      assertMembers(orchestrator, ['queryCache', 'fetchQuery']);
      const queryCache = orchestrator?.queryCache as QueryCache;
      assertMembers(queryCache, ['cachedQueryResult', 'cacheDriver', 'queryWithRetryAndRelease']);
      queryCache.cachedQueryResult = (body) => this.#answer(body);
      this.#hooked = api;
    }
    return api;
  }

  async #answer(body: QueryBody): Promise<{ data: unknown; lastRefreshTime: Date | undefined }> {
    assert(!body.persistent && !body.preAggregations?.length, 'a query without streams and pre-aggregations');
    try {
      const { rows, asOfMs } = await this.#rows(body);
      // Cube's “time to which the data is fresh”; here it is exact, and it travels with each result.
      return { data: rows, lastRefreshTime: asOfMs === undefined ? undefined : new Date(asOfMs) };
    } catch (error) {
      throw this.#failed(body, error);
    }
  }

  async #rows({ query, values, cacheMode }: QueryBody): Promise<WarehouseAnswer> {
    const { driver, versions } = this.#embedded;
    const { tables, repeatable } = await this.#relations.of(query);
    if (!repeatable || cacheMode === 'no-cache') return await driver.answer(query, values);
    const key = `${query}\n${JSON.stringify(values)}`;
    return await this.#cache.answer(key, versions.of(tables), () => driver.answer(query, values));
  }

  /**
   * The engine's message may quote values of rows that the caller may not see: it is for the log, and for
   * open servers.
   */
  #failed({ requestId }: QueryBody, error: unknown): Error {
    const { config, log } = this.#embedded;
    const known = isMillraceError(error) ? error : fail('CUBE_QUERY_FAILED', { cause: error });
    log('warn', `Query failed: ${known.code}: ${known.message}`);
    if (requestId !== undefined) this.#failures.set(requestId, known);
    return new Error(config.auth.mode === 'open' ? `${known.code}: ${known.message}` : known.code);
  }
}

/** Numbers and short texts as strings of their own, with the row object that holds them. */
function bytesOf({ rows }: WarehouseAnswer): number {
  let bytes = 200;
  for (const row of rows) {
    bytes += 40;
    for (const name in row) {
      const value = row[name];
      bytes += typeof value === 'string' ? 24 + 2 * value.length : 8;
    }
  }
  return bytes;
}

/**
 * Undocumented members of Cube on which the embedding relies: absent ones must stop the start, not the first
 * query.
 */
function assertMembers(holder: object | undefined, names: readonly string[]): void {
  const missing = names.filter((name) => holder === undefined || !(name in holder));
  if (missing.length === 0) return;
  throw fail('CUBE_VERSION_UNKNOWN', {
    message: `Cube ${CubejsServerCore.version()} lacks ${missing.map((name) => `\`${name}\``).join(', ')}.`,
  });
}
