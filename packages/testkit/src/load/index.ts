/** Load on the real program: events, and the server as a process. */
export { EventSource } from './event-source.ts';
export { PageSession } from './page-session.ts';
export { ServerProcess, type ServerProcessOptions } from './server-process.ts';
