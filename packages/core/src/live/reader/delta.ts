import type { LiveDelta, LiveResult, LiveRow } from '../port.ts';

/** True when every value of both rows is the same. */
export function equalRows(one: LiveRow, other: LiveRow): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) {
    if (one[i] !== other[i]) return false;
  }
  return true;
}

export function equalResults(one: LiveResult, other: LiveResult): boolean {
  if (one.watermarkMs !== other.watermarkMs || one.rows.length !== other.rows.length) return false;
  if (!equalRows(one.columns, other.columns)) return false;
  for (let i = 0; i < one.rows.length; i++) {
    if (!equalRows(one.rows[i] as LiveRow, other.rows[i] as LiveRow)) return false;
  }
  return true;
}

/** The way from one result to another; undefined when a snapshot says it shorter or the columns differ. */
export function deltaBetween(from: LiveResult, to: LiveResult): LiveDelta | undefined {
  if (!equalRows(from.columns, to.columns)) return undefined;
  const shift = likelyShift(from.rows, to.rows);
  const changed = changedRows(from.rows, to.rows, shift);
  if (changed.length > 4 && changed.length * 4 > to.rows.length * 3) return undefined;
  return { shift, rowCount: to.rows.length, changed, watermarkMs: to.watermarkMs };
}

/** Total for any delta: a place that nothing was said about holds an empty row. */
export function applyDelta(result: LiveResult, delta: LiveDelta): LiveResult {
  const rows: LiveRow[] = [];
  for (let i = 0; i < delta.rowCount; i++) rows.push(result.rows[i + delta.shift] ?? emptyRow);
  for (const [index, row] of delta.changed) rows[index] = row;
  return { columns: result.columns, rows, watermarkMs: delta.watermarkMs };
}

const emptyRow: LiveRow = [];

function changedRows(from: readonly LiveRow[], to: readonly LiveRow[], shift: number): [number, LiveRow][] {
  const changed: [number, LiveRow][] = [];
  for (let i = 0; i < to.length; i++) {
    const before = from[i + shift];
    const after = to[i] as LiveRow;
    if (before === undefined || !equalRows(before, after)) changed.push([i, after]);
  }
  return changed;
}

/**
 * Sliding series lose rows at the front, newest-first tables gain some there; both keep the first column of
 * the rows that stay. A wrong guess costs bytes, never a wrong result.
 */
function likelyShift(from: readonly LiveRow[], to: readonly LiveRow[]): number {
  const first = to[0]?.[0];
  const was = from[0]?.[0];
  if (first === undefined || was === undefined || first === was) return 0;
  const lost = from.findIndex((row) => row[0] === first);
  if (lost > 0) return lost;
  const gained = to.findIndex((row) => row[0] === was);
  return gained > 0 ? -gained : 0;
}
