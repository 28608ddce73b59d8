import assert from 'node:assert/strict';
import { isMillraceError, messageOf } from '@millrace/core/base';
import type { Warehouse } from '@millrace/core/warehouse';

/** One warehouse that can be opened again on what it left. */
export interface WarehouseFixture {
  /** Opens what is there; the former one was closed or is gone. */
  open(): Promise<Warehouse>;
  /** Removes everything. The last warehouse is closed. */
  dispose(): Promise<void>;
}

export interface WarehouseTestContext {
  readonly fixture: WarehouseFixture;
  readonly sql: EngineSql;
  readonly seed: number;
}

/** SQL where engines have no common form. */
export interface EngineSql {
  /** A query that runs for minutes when nobody stops it. */
  readonly endless: string;
}

/** By title. The warehouse is open, and `SHOP_TABLE` is defined in it. */
export type WarehouseTests = Readonly<
  Record<string, (warehouse: Warehouse, context: WarehouseTestContext) => Promise<void>>
>;

export const NOW_MS = 1_800_000_000_000;
export const NO_RANDOM = { next: () => 0.5 };

/** The error, after checking its code. */
export async function rejectsWith(promise: Promise<unknown>, code: string, what = code): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(isMillraceError(outcome), `${what}: ${outcome === undefined ? 'no error' : messageOf(outcome)}`);
  assert.equal(outcome.code, code, `${what}: ${outcome.message}`);
  return outcome;
}
