/** Event contracts: one schema gives the validator, the TypeScript type and the table columns. */
export * from './table-schema.ts';
