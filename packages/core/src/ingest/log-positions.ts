interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * By partition, the offset below which all records are accounted for. Ranges may be reported out of order:
 * the position moves only over what is contiguous.
 */
export class LogPositions {
  readonly #next: number[] = [];
  readonly #ahead: Range[][] = [];

  /** True when a range was reported whose predecessor was not. */
  get hasGap(): boolean {
    return this.#ahead.some((ranges) => ranges.length > 0);
  }

  of(partition: number): number {
    return this.#next[partition] ?? 0;
  }

  all(): number[] {
    return Array.from(this.#next, (next) => next ?? 0);
  }

  /** `count` records from `from` on are accounted for. */
  advance(partition: number, from: number, count: number): void {
    if (from <= this.of(partition)) return this.raise(partition, from + count);
    const ranges = (this.#ahead[partition] ??= []);
    const last = ranges.at(-1);
    // Most ranges follow each other: one entry then stands for all of them.
    if (last !== undefined && last.to === from)
      ranges[ranges.length - 1] = { from: last.from, to: from + count };
    else ranges.push({ from, to: from + count });
  }

  /** All records below `position` are accounted for. */
  raise(partition: number, position: number): void {
    let next = Math.max(this.of(partition), position);
    const ranges = (this.#ahead[partition] ?? []).toSorted((a, b) => a.from - b.from);
    let used = 0;
    while (used < ranges.length && ranges[used]!.from <= next) next = Math.max(next, ranges[used++]!.to);
    if (used > 0) this.#ahead[partition] = ranges.slice(used);
    this.#next[partition] = next;
  }
}
