/**
 * What server and page say to each other: types, and the pure reader of live messages. Nothing else may be
 * imported by the page.
 */
export type * from './alerts.ts';
export type * from './dashboards.ts';
export * from './live.ts';
export type * from './metrics.ts';
export type * from './pipeline.ts';
