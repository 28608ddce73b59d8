/** What tests of models share: a session over real DuckDB, SQL in all forms, seeded projects and comparisons. */
export * from './duckdb-session.ts';
export * from './rebind-queries.ts';
export * from './event-history.ts';
export * from './model-trial.ts';
export * from './storefront-tables.ts';
export * from './workshop.ts';
export * from './live-proof.ts';
