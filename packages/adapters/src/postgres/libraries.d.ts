declare module 'pg' {
  import type { EventEmitter } from 'node:events';
  import type { Duplex } from 'node:stream';

  export interface ClientConfig {
    readonly connectionString?: string;
    readonly replication?: 'database';
    readonly options?: string;
    readonly application_name?: string;
    readonly keepAlive?: boolean;
    readonly connectionTimeoutMillis?: number;
  }

  export interface QueryConfig {
    readonly text: string;
    readonly values?: readonly unknown[];
    readonly rowMode?: 'array';
    readonly types?: { getTypeParser(oid: number): (text: string) => unknown };
  }

  export interface Connection extends EventEmitter {
    readonly stream: Duplex;
    sendCopyFromChunk(chunk: Uint8Array): void;
  }

  export class Client extends EventEmitter {
    readonly connection: Connection;
    constructor(config: ClientConfig);
    connect(): Promise<void>;
    query(query: QueryConfig): Promise<{ readonly rows: unknown[][] }>;
    end(): Promise<void>;
  }

  const pg: { readonly Client: typeof Client };
  export default pg;
}
