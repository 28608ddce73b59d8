import type { Clock } from '@millrace/core/base';
import type { PlannedModel } from '@millrace/core/models';
import type { LoadReceipt } from '@millrace/core/warehouse';
import type { ModelReport } from '../wire/index.ts';

const RUNS: Readonly<Record<PlannedModel['runs'], ModelReport['runs']>> = {
  append: 'append',
  merge: 'by key',
  keys: 'by key',
  whole: 'whole',
  view: 'view',
  inline: 'view',
  dbt: 'not live',
};

/** How each model runs, and what its last refresh cost. */
export class ModelBoard {
  readonly #clock: Clock;
  readonly #planned: readonly PlannedModel[];
  readonly #refreshes = new Map<string, { lastRefreshMs: number; refreshedAtMs: number }>();

  constructor(clock: Clock, planned: readonly PlannedModel[]) {
    this.#clock = clock;
    this.#planned = planned;
  }

  loaded(receipt: LoadReceipt): void {
    const refreshedAtMs = this.#clock.nowMs();
    for (const [name, lastRefreshMs] of Object.entries(receipt.timings.modelsMs)) {
      this.#refreshes.set(name, { lastRefreshMs, refreshedAtMs });
    }
  }

  reports(): readonly ModelReport[] {
    return this.#planned.map(({ name, relation, materialized, runs, reason, warnings }) => ({
      name,
      relation,
      materialized,
      runs: RUNS[runs],
      reason: [reason, ...warnings].join(' '),
      ...this.#refreshes.get(name),
    }));
  }
}
