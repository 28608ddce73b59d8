/** The server's routes, and who may use them. */
export { cubeRoutes, type CubeRoutesOptions, type CubeServer } from './cube.ts';
export { deadLetterRoutes, type DeadLetterRoutesOptions } from './dead-letters.ts';
export { HTTP_ERRORS } from './errors.ts';
export { ingestRoutes, type IngestRoutesOptions } from './ingest.ts';
export { liveRoutes, type LiveRoutesOptions } from './live.ts';
export { operateRoutes, type OperateRoutesOptions } from './operate.ts';
export { pageRoutes, type PageRoutesOptions } from './page.ts';
export { reportRoutes, type ReportRoutesOptions } from './reports.ts';
export { createHttpServer, type HttpRoutes, type HttpServer, type HttpServerOptions } from './server.ts';
