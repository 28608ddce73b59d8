import type { KeyedParent, KeyedPlan } from './plan.ts';
import type { RelationChanges, TouchedTimes } from './row-changes.ts';
import type { RowDensity } from './row-density.ts';
import { quoteName } from './sql-text.ts';
import {
  coverRanges,
  rangeCondition,
  timeLiteral,
  timeRangeOf,
  truncateTime,
  type TimeUnit,
} from './time-key.ts';

/** Ranges of a parent that are read one by one. */
const RANGES_MAX = 24;
/** Values of a model's own time column that are listed; more are given as a range. */
const VALUES_MAX = 48;

/** Where the rows of a model's changed keys lie. */
export interface TimeBounds {
  /** Conditions that exclude each other and cover the parent's rows; undefined when all must be read. */
  parentRanges(parent: KeyedParent, density: RowDensity): readonly string[] | undefined;
  /** A condition on the model's own columns, on those of a table alias. */
  own(table: string): string;
  /** The times of the model's own changed keys, by column of its grain. */
  readonly keyTimes: ReadonlyMap<string, TouchedTimes>;
}

export const UNBOUNDED: TimeBounds = {
  parentRanges: () => undefined,
  own: () => 'true',
  keyTimes: new Map(),
};

/** Bounds from the times that the changes touch, by the first key that is a time in every changed parent. */
export function boundsOf(plan: KeyedPlan, changes: ReadonlyMap<string, RelationChanges>): TimeBounds {
  for (let key = 0; key < plan.grain.length; key++) {
    const times = timesOfKey(plan, { key, changes });
    if (times !== undefined) return new KeyTimeBounds(plan, key, times);
  }
  return UNBOUNDED;
}

function timesOfKey(
  plan: KeyedPlan,
  { key, changes }: { key: number; changes: ReadonlyMap<string, RelationChanges> },
): ReadonlySet<number | null> | undefined {
  const all = new Set<number | null>();
  for (const parent of plan.parents) {
    const changed = changes.get(parent.deltaId);
    if (changed === undefined) continue;
    const timeKey = parent.timeKeys[key];
    if (timeKey === undefined) return undefined;
    const exact = changed.times.get(parent.keys[key] ?? '');
    const times = exact ?? changed.keyTimes.get(timeKey.column);
    if (times === undefined) return undefined;
    for (const time of times)
      all.add(time === null || exact !== undefined ? time : truncateTime(time, timeKey.unit));
  }
  return all;
}

class KeyTimeBounds implements TimeBounds {
  readonly keyTimes: ReadonlyMap<string, TouchedTimes>;
  readonly #key: number;
  readonly #times: readonly number[];
  readonly #hasNull: boolean;
  readonly #column: string;
  readonly #columnType: string;
  /** Keys that are points may have parts of a millisecond. */
  readonly #isPoint: boolean;

  constructor(plan: KeyedPlan, key: number, times: ReadonlySet<number | null>) {
    this.#key = key;
    this.#times = [...times].filter((time) => time !== null).toSorted((a, b) => a - b);
    this.#hasNull = times.has(null);
    this.#column = plan.grain[key] ?? '';
    const column = plan.columns.find(({ name }) => name.toLowerCase() === this.#column.toLowerCase());
    this.#columnType = column?.type ?? '';
    this.#isPoint = plan.parents.some(({ timeKeys }) => timeKeys[key]?.unit === 'point');
    this.keyTimes = new Map([[this.#column.toLowerCase(), [...times]]]);
  }

  parentRanges(parent: KeyedParent, density: RowDensity): readonly string[] | undefined {
    const timeKey = parent.timeKeys[this.#key];
    if (timeKey === undefined) return undefined;
    const ranges = this.#times.map((time) => timeRangeOf(time, timeKey.unit));
    const limits = { gapMsMax: density.gapMs(parent), countMax: RANGES_MAX };
    const conditions = coverRanges(ranges, limits).map((range) => rangeCondition(timeKey, range));
    if (this.#hasNull) conditions.push(`${quoteName(timeKey.column)} is null`);
    return conditions;
  }

  own(table: string): string {
    const type = this.#columnType;
    if (type !== 'DATE' && type !== 'TIMESTAMP') return 'true';
    const column = `${table}.${quoteName(this.#column)}`;
    const conditions = this.#hasNull ? [`${column} is null`] : [];
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    if (first !== undefined && last !== undefined) {
      const unit: TimeUnit = this.#isPoint ? 'point' : 'second';
      const isListed = !this.#isPoint && this.#times.length <= VALUES_MAX;
      const literals = this.#times.map((time) => timeLiteral(type, time));
      const until = timeLiteral(type, type === 'DATE' ? last : timeRangeOf(last, unit).toMs);
      conditions.push(
        isListed
          ? `${column} in (${literals.join(', ')})`
          : `${column} >= ${literals[0]} and ${column} <= ${until}`,
      );
    }
    return conditions.length === 0 ? 'false' : conditions.map((condition) => `(${condition})`).join(' or ');
  }
}
