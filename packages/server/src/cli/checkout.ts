import { join } from 'node:path';

/** The folder that holds `packages` and `examples`. */
export const CHECKOUT = join(import.meta.dirname, '../../../..');
