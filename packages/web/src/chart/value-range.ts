/** What the value axis spans, and what does not fit on it. */
export interface ValueRange {
  readonly lowest: number;
  readonly highest: number;
  /** The highest value, when it is cut off. */
  readonly peak: number | undefined;
}

// A peak so many times higher than what is now would press all of now onto the ground.
const peakFactor = 10;
const recentCount = 20;

/**
 * From zero to the highest value; with `focus` only to what is comparable with the last values: a burst of
 * long ago is cut off, so that what happens now can be seen. `totals` are the heights that are drawn, oldest
 * first.
 */
export function valueRangeOf(totals: readonly (readonly (number | null)[])[], focus: boolean): ValueRange {
  const values = totals.flat().filter((value) => value !== null);
  const lowest = Math.min(0, ...values);
  const highest = Math.max(0, ...values);
  if (!focus) return { lowest, highest, peak: undefined };
  const limit = peakFactor * Math.max(0, ...totals.map(recentMedian));
  if (limit === 0 || highest <= limit) return { lowest, highest, peak: undefined };
  return { lowest, highest: Math.max(0, ...values.filter((value) => value <= limit)), peak: highest };
}

function recentMedian(values: readonly (number | null)[]): number {
  const recent = values.filter((value) => value !== null).slice(-recentCount);
  return recent.toSorted((one, other) => one - other)[Math.floor(recent.length / 2)] ?? 0;
}
