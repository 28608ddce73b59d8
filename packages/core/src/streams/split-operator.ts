import type { Branches } from './dsl.ts';
import { fail } from './errors.ts';
import { UserOperator, type TaskScope } from './operator.ts';
import type { RecordFunction } from './stateless-operators.ts';
import { isThenable, type Awaitable, type Pending, type StreamRecord } from './stream-record.ts';

/** The branch of the records that no predicate wants. */
export const DEFAULT_BRANCH = 'default';

/** The branches' names in the order of their predicates. Numbers are refused: objects sort them. */
export function branchNames(branches: Branches<unknown, unknown>): string[] {
  const names = Object.keys(branches);
  const refused = names.find((name) => name === DEFAULT_BRANCH || /^\d+$/.test(name));
  if (refused === undefined) return names;
  throw fail('STREAMS_BAD_OPTION', {
    message: `A branch cannot be named '${refused}': 'default' is there already, and numbers lose their order.`,
    details: { branch: refused },
  });
}

/** KStream.split: its children are the branches, in the order of the predicates, and `default`. */
export class SplitOperator extends UserOperator<number> {
  readonly #predicates: readonly RecordFunction<unknown, unknown, boolean>[];

  constructor(
    name: string,
    scope: TaskScope,
    predicates: readonly RecordFunction<unknown, unknown, boolean>[],
  ) {
    super(name, scope);
    this.#predicates = predicates;
  }

  protected call(record: StreamRecord): Awaitable<number> {
    return this.#branchFrom(record, 0);
  }

  protected proceed(record: StreamRecord, branch: number): Pending {
    return this.children[branch]!.process(record);
  }

  #branchFrom(record: StreamRecord, first: number): Awaitable<number> {
    for (let branch = first; branch < this.#predicates.length; branch++) {
      const isWanted = this.#predicates[branch]!(record.value, record.key, this.scope.context);
      if (isThenable(isWanted)) {
        return isWanted.then((wanted) => (wanted ? branch : this.#branchFrom(record, branch + 1)));
      }
      if (isWanted) return branch;
    }
    return this.#predicates.length;
  }
}
