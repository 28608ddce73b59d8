import type { TableVersions } from '@millrace/core/warehouse';

/**
 * One text for the data of several relations: it changes whenever one of them does. Read from shared memory.
 */
export class DataVersions {
  readonly #versions: TableVersions;

  constructor(versions: TableVersions) {
    this.#versions = versions;
  }

  /**
   * `tables` undefined, or with a relation that has no version of its own (a view, a table of another hand),
   * counts a change of anything: never stale, only less selective.
   */
  of(tables: ReadonlySet<string> | undefined): string {
    const all = this.#versions.all();
    let sum = 0;
    for (const table of tables ?? []) {
      const version = all.get(table);
      if (version === undefined) return this.#anything(all);
      sum += version >>> 0;
    }
    return tables === undefined ? this.#anything(all) : `own ${sum}`;
  }

  #anything(all: ReadonlyMap<string, number>): string {
    // A name that no relation can have reads the version that relations without a slot share.
    let sum = this.#versions.read('') >>> 0;
    for (const version of all.values()) sum += version >>> 0;
    // Apart from `own`: a relation that gets a version of its own must not meet an old answer by the same
    // sum.
    return `any ${sum}`;
  }
}
