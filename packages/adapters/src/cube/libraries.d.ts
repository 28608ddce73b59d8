/** Packages that Cube brings without types: the little of them that the Cube thread uses. */

declare module 'express' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  export interface Request extends IncomingMessage {
    readonly path: string;
    readonly query: Readonly<Record<string, unknown>>;
  }
  export interface Response extends ServerResponse {
    status(code: number): Response;
    json(body: unknown): void;
  }
  export type Handler = (request: Request, response: Response, next: () => void) => void;
  export type Application = RequestListener & {
    use(handler: Handler): void;
    disable(setting: string): void;
  };
  export default function express(): Application;
}

declare module 'ws' {
  import type { EventEmitter } from 'node:events';
  import type { Server as HttpServer } from 'node:http';

  export interface WebSocket extends EventEmitter {
    readonly bufferedAmount: number;
    send(data: string): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
    on(event: 'message', listener: (data: Buffer) => void): this;
    on(event: 'close', listener: () => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
  }
  export interface WebSocketServer extends EventEmitter {
    on(event: 'connection', listener: (socket: WebSocket) => void): this;
    close(): void;
  }
  const constructors: {
    readonly Server: new (options: { server: HttpServer; maxPayload: number }) => WebSocketServer;
  };
  export default constructors;
}

declare module 'jsonwebtoken' {
  const jsonwebtoken: {
    verify(token: string, secret: string, options: { algorithms: readonly string[] }): unknown;
  };
  export default jsonwebtoken;
}
