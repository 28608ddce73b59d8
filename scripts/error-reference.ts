/** `node scripts/error-reference.ts` writes docs/reference/errors.md from the error tables of all rooms. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorReference } from './reference/errors.ts';

await writeFile(join(import.meta.dirname, '../docs/reference/errors.md'), errorReference());
