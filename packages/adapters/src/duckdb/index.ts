/** DuckDB: the embedded warehouse, and data files read by a database of their own. */
export { type DuckdbWarehouseOptions } from './config.ts';
export { DATA_FILE_ERRORS } from './errors.ts';
export { DataFile, type DataFileColumn, type DataFileOptions, type JsonRowsOptions } from './data-file.ts';
export { quoteName, quoteText } from './dialect.ts';
export { openDuckdbWarehouse, type DuckdbWarehouse, type OpenOptions } from './warehouse.ts';
