/**
 * Live queries: one evaluation per change whatever the number of viewers, and a small message for each of
 * them.
 */
export { fail as liveError, LIVE_ERRORS } from './errors.ts';
export { LiveHub, type LiveConnectOptions, type LiveHubOptions } from './live-hub.ts';
export type { LiveViewer } from './live-viewer.ts';
export * from './port.ts';
export * from './reader/index.ts';
export { metricsSource, type MetricsSourceOptions } from './sources/metrics-source.ts';
export { reportSource, type LiveReport, type ReportQuery } from './sources/report-source.ts';
export { streamSource, type StreamQuery, type StreamSourceOptions } from './sources/stream-source.ts';
export { systemSource, type SystemFigures, type SystemQuery } from './sources/system-source.ts';
