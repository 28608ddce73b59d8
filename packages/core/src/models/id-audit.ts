/**
 * Checks what a source promises: that no id comes twice. Models of such a source look nothing up, so a
 * repeated id (one that came again after the deduplication window) would be counted twice. All new ids are
 * compared with all older ones, a slice of history at a time, and what repeats is computed again.
 */
import type { Counter, Logger, Meter } from '../base/index.ts';
import type { RefreshReport, SqlSession } from '../warehouse/index.ts';
import type { LiveModelSet } from './live-model-set.ts';
import type { Source } from './manifest.ts';
import { createScratch, columnList } from './refresh-sql.ts';
import type { RefreshState } from './refresh-state.ts';
import { quoteName, relationSql } from './sql-text.ts';
import { inTransaction } from './transaction.ts';

/** New rows that are compared in one pass over history: their ids are held in memory. */
const PASS_ROWS = 500_000;
/** Rows of history that are read at once. */
const SLICE_ROWS = 1_000_000;
const REPEATED = 'temp.main.millrace_repeated_ids';

/**
 * Rows after `after` up to `upTo` are compared with all that came before them; `next` begins the next slice.
 */
interface Pass {
  readonly source: Source;
  readonly after: number;
  readonly upTo: number;
  next: number;
}

export class IdAudit {
  readonly #state: RefreshState;
  readonly #logger: Logger;
  readonly #repeated: Counter;
  #pass: Pass | undefined;
  #turn = 0;

  constructor(options: { state: RefreshState; logger: Logger; meter: Meter }) {
    this.#state = options.state;
    this.#logger = options.logger;
    this.#repeated = options.meter.counter(
      'models_repeated_ids_total',
      'Ids of sources declared unique that came again and were corrected in the models',
    );
  }

  /** Forgets a pass that is under way: the models were prepared anew. */
  restart(): void {
    this.#pass = undefined;
  }

  /** One slice; a report when something was corrected. */
  async run(session: SqlSession, models: LiveModelSet): Promise<RefreshReport | undefined> {
    this.#pass ??= await this.#begin(session, models.uniqueSources);
    const pass = this.#pass;
    if (pass === undefined) return undefined;
    // The new rows among themselves come last.
    const isLast = pass.next > pass.after;
    const found = await this.#findRepeated(session, pass, isLast);
    const report = found === 0 ? undefined : await this.#correct(session, { models, pass, found });
    pass.next += SLICE_ROWS;
    if (isLast) {
      await this.#state.noteAudited(session, pass.source, pass.upTo);
      this.#pass = undefined;
    }
    return report;
  }

  async #begin(session: SqlSession, sources: readonly Source[]): Promise<Pass | undefined> {
    const source = sources[this.#turn++ % sources.length];
    if (source === undefined) return undefined;
    const { first, audited, last } = await this.#state.auditRange(session, source);
    if (last === undefined || first === undefined || (audited !== undefined && audited >= last))
      return undefined;
    const after = audited ?? first - 1;
    return { source, after, upTo: Math.min(last, after + PASS_ROWS), next: first };
  }

  /** Puts the ids that come twice into a scratch table, and counts them. */
  async #findRepeated(session: SqlSession, pass: Pass, isLast: boolean): Promise<number> {
    const { relation, live } = pass.source;
    const [table, order] = [relationSql(relation), quoteName(live.order ?? '')];
    const ids = columnList(live.uniqueBy ?? []);
    const isNew = `${order} > ${pass.after} and ${order} <= ${pass.upTo}`;
    const until = Math.min(pass.next + SLICE_ROWS - 1, pass.after);
    const query = isLast
      ? `select ${ids} from ${table} where ${isNew} group by ${ids} having count(*) > 1`
      : `select distinct ${columnList(live.uniqueBy ?? [], 'o')} from ${table} as o
          semi join (select ${ids} from ${table} where ${isNew}) as n using (${ids})
          where ${order} >= ${pass.next} and ${order} <= ${until}`;
    await session.run(createScratch(REPEATED, query));
    const [row] = await session.rows(`select count(*) from ${REPEATED}`);
    return Number(row?.[0]);
  }

  async #correct(
    session: SqlSession,
    { models, pass, found }: { models: LiveModelSet; pass: Pass; found: number },
  ): Promise<RefreshReport> {
    const { source } = pass;
    this.#logger.warn('a source that declares itself unique repeats ids; the models are corrected', {
      code: 'MODELS_REPEATED_ID',
      source: source.name,
      ids: found,
    });
    const report = await inTransaction(session, () => models.repairReadersOf(session, source, REPEATED));
    this.#repeated.add(found);
    return report;
  }
}
