/** The server's routes, and who may use them. */
export { contractRoutes } from './contracts.ts';
export { cubeRoutes } from './cube.ts';
export { deadLetterRoutes } from './dead-letters.ts';
export { HTTP_ERRORS } from './errors.ts';
export { ingestRoutes } from './ingest.ts';
export { liveRoutes } from './live.ts';
export { operateRoutes } from './operate.ts';
export { pageRoutes } from './page.ts';
export { reportRoutes } from './reports.ts';
export { createHttpServer, type HttpRoutes, type HttpServer } from './server.ts';
