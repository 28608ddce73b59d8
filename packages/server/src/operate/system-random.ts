import { randomBytes } from 'node:crypto';
import type { Random } from '@millrace/core/base';

/** Cryptographic randomness of the machine. */
export const systemRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
