import { isMillraceError, messageOf, type Clock } from '../base/index.ts';
import { deltaBetween, equalResults } from './reader/index.ts';
import { fail } from './errors.ts';
import type { Lane } from './lane.ts';
import type { LiveContext, LiveResult, LiveSource } from './port.ts';

export interface LiveQueryOptions {
  readonly source: LiveSource;
  readonly query: unknown;
  readonly context: LiveContext;
  readonly lane: Lane;
  readonly clock: Clock;
  readonly epoch: string;
  /** The shortest time from the start of one evaluation to the start of the next. */
  readonly tickMs: number;
  readonly timeoutMs: number;
  readonly rowsMax: number;
  /** Grows with each call, over all queries of the hub: a version is never given twice. */
  readonly nextVersion: () => number;
  readonly onEvaluated: (durationMs: number, failed: boolean) => void;
}

/** Told when there may be something to send. */
export interface LiveFollower {
  due(): void;
}

export interface Trouble {
  readonly state: 'starting' | 'failed';
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

interface Answer {
  readonly version: number;
  readonly result: LiveResult;
  readonly evaluatedAtMs: number;
}

// An evaluation may take a quarter of the time at most, so that a heavy tile leaves the engine to everybody
// else.
const restPerCost = 4;
const retryMs = { first: 500, max: 5_000 };
const pastMax = { answers: 8, rows: 5_000 };

/**
 * One distinct query: evaluated once per change for all its followers, no more often than its cost allows.
 *
 * ```
 *            changed                 due and lane free              answered, changed meanwhile
 *  settled ───────────▶ planned ─────────────────────▶ evaluating ─────────────────────────────▶ planned
 *     ▲                                                    │ answered or failed
 *     └────────────────────────────────────────────────────┘ (failed: planned again after a growing pause)
 * ```
 */
export class LiveQuery {
  readonly #options: LiveQueryOptions;
  readonly #followers = new Set<LiveFollower>();
  readonly #encoded = new Map<number, string>();
  #past: Answer[] = [];
  #answer: Answer | undefined;
  #trouble: Trouble | undefined;
  #settled = false;
  #changed = false;
  #state: 'settled' | 'planned' | 'evaluating' = 'settled';
  #notBeforeMs = 0;
  #plannedForMs = 0;
  #failures = 0;
  #leftAtMs = 0;
  #cancelPlan = () => {};
  #unwatch: (() => void) | undefined;

  constructor(options: LiveQueryOptions) {
    this.#options = options;
  }

  /** When the last follower went, by the clock's monotonic time. */
  get leftAtMs(): number {
    return this.#leftAtMs;
  }

  get followed(): boolean {
    return this.#followers.size > 0;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** False until the first evaluation since somebody follows: what is held may be old. */
  get settled(): boolean {
    return this.#settled;
  }

  get version(): number | undefined {
    return this.#answer?.version;
  }

  follow(follower: LiveFollower): void {
    this.#followers.add(follower);
    if (this.#unwatch !== undefined) return;
    this.#unwatch = this.#options.source.watch(this.#options.query, () => this.#change());
    this.#change();
  }

  unfollow(follower: LiveFollower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    this.#leftAtMs = this.#options.clock.monotonicMs();
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#settled = false;
    this.#changed = false;
    if (this.#state === 'planned') {
      this.#cancelPlan();
      this.#state = 'settled';
    }
  }

  /**
   * The message that brings a reader from `version` to now, as JSON without its opening `{` and the query's
   * id; undefined before the first answer. Encoded once, whatever the number of readers.
   */
  encode(version: number | undefined): string | undefined {
    const answer = this.#answer;
    if (answer === undefined) return undefined;
    const base =
      version === answer.version ? answer : this.#past.find((candidate) => candidate.version === version);
    const key = base?.version ?? 0;
    let text = this.#encoded.get(key);
    if (text === undefined) {
      text = JSON.stringify(this.#message(answer, base)).slice(1);
      this.#encoded.set(key, text);
    }
    return text;
  }

  #message(answer: Answer, base: Answer | undefined): object {
    const { epoch } = this.#options;
    const { evaluatedAtMs, result } = answer;
    const delta = base === undefined ? undefined : deltaBetween(base.result, result);
    if (base === undefined || delta === undefined) {
      return { type: 'snapshot', epoch, version: answer.version, result, evaluatedAtMs };
    }
    return { type: 'delta', epoch, base: base.version, version: answer.version, delta, evaluatedAtMs };
  }

  #change(): void {
    this.#changed = true;
    if (this.#state === 'evaluating') return;
    if (this.#state === 'planned') {
      if (this.#plannedForMs <= this.#notBeforeMs) return;
      this.#cancelPlan();
    }
    this.#plan(this.#notBeforeMs);
  }

  #plan(notBeforeMs: number): void {
    const { clock, lane } = this.#options;
    const start = () => void this.#evaluate();
    const enter = () => {
      this.#cancelPlan = () => lane.withdraw(start);
      lane.enter(start);
    };
    this.#state = 'planned';
    this.#plannedForMs = notBeforeMs;
    const waitMs = notBeforeMs - clock.monotonicMs();
    if (waitMs > 0) this.#cancelPlan = clock.schedule(enter, waitMs);
    else enter();
  }

  async #evaluate(): Promise<void> {
    const { clock, lane, tickMs } = this.#options;
    this.#state = 'evaluating';
    this.#changed = false;
    const evaluatedAtMs = clock.nowMs();
    const startMs = clock.monotonicMs();
    let problem: unknown;
    try {
      const result = await this.#ask();
      this.#succeed(result, evaluatedAtMs);
    } catch (error) {
      problem = error;
      this.#fail(error);
    }
    const durationMs = clock.monotonicMs() - startMs;
    this.#notBeforeMs = startMs + Math.max(tickMs, durationMs * restPerCost);
    this.#state = 'settled';
    this.#options.onEvaluated(durationMs, problem !== undefined);
    if (this.followed) this.#planNext(startMs + durationMs, problem !== undefined);
    lane.leave();
  }

  /** What failed is tried again after a growing pause; only the end of `starting` may cut it short. */
  #planNext(nowMs: number, failed: boolean): void {
    if (!failed) {
      if (this.#changed) this.#plan(this.#notBeforeMs);
      return;
    }
    const againMs = nowMs + Math.min(retryMs.max, retryMs.first * 2 ** Math.min(this.#failures - 1, 10));
    if (this.#trouble?.state === 'failed') this.#notBeforeMs = againMs;
    this.#plan(this.#changed ? this.#notBeforeMs : againMs);
  }

  async #ask(): Promise<LiveResult> {
    const { clock, context, query, source, timeoutMs, rowsMax } = this.#options;
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.schedule(() => reject(fail('LIVE_EVALUATION_TIMEOUT')), timeoutMs);
    });
    try {
      const result = await Promise.race([source.evaluate(query, context), late]);
      if (result.rows.length <= rowsMax) return result;
      throw fail('LIVE_RESULT_TOO_LARGE', {
        message: `The answer has ${result.rows.length} rows; a live query may have ${rowsMax}.`,
      });
    } finally {
      cancel();
    }
  }

  #succeed(result: LiveResult, evaluatedAtMs: number): void {
    const news = this.#trouble !== undefined || !this.#settled;
    this.#trouble = undefined;
    this.#failures = 0;
    this.#settled = this.followed;
    const before = this.#answer;
    if (before === undefined || !equalResults(before.result, result)) {
      if (before !== undefined) this.#remember(before);
      this.#answer = { version: this.#options.nextVersion(), result, evaluatedAtMs };
      this.#encoded.clear();
    } else if (!news) {
      return;
    }
    this.#tell();
  }

  #fail(error: unknown): void {
    this.#failures++;
    const known = isMillraceError(error)
      ? error
      : fail('LIVE_EVALUATION_FAILED', { message: messageOf(error) });
    const state = known.code === 'LIVE_SOURCE_STARTING' ? 'starting' : 'failed';
    const trouble: Trouble = { state, code: known.code, message: known.message, remedy: known.remedy };
    const same = this.#trouble?.code === trouble.code && this.#trouble.message === trouble.message;
    if (same) return;
    this.#trouble = trouble;
    this.#tell();
  }

  #remember(answer: Answer): void {
    this.#past.push(answer);
    let rows = 0;
    for (const past of this.#past) rows += past.result.rows.length;
    while (this.#past.length > pastMax.answers || rows > pastMax.rows) {
      const dropped = this.#past.shift();
      if (dropped === undefined) break;
      rows -= dropped.result.rows.length;
    }
  }

  #tell(): void {
    for (const follower of this.#followers) follower.due();
  }
}
