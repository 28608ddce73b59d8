import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openDuckdbWarehouse } from '@millrace/adapters/duckdb';
import { seededRandom } from '@millrace/core/base';
import { EventSource, PageSession, ServerProcess } from '@millrace/testkit/load';

export interface KillOptions {
  readonly times: number;
  readonly seed: number;
  readonly log: (line: string) => void;
  /** Further arguments of `millrace start`, such as those that choose the log. */
  readonly serverArgs?: readonly string[];
}

/** What became of each id that was sent, as the sender knows it. */
interface Ledger {
  /** Answered with 202: must be there once. */
  readonly answered: Set<string>;
  /** Sent, never answered: may be there once. */
  readonly unanswered: Set<string>;
}

const STOREFRONT = join(import.meta.dirname, '../../examples/storefront');
const SENDERS = 4;
const BATCH_EVENTS = 50;

/**
 * Kills the server with SIGKILL at random moments under load, starts it on the same data, and at the end
 * compares the mart with what was answered. A half of the unanswered requests is sent again after the
 * restart, as clients do.
 */
export async function killPipeline(options: KillOptions): Promise<{ passed: number; failed: number }> {
  const random = seededRandom(options.seed);
  const data = await mkdtemp(join(tmpdir(), 'millrace-kill-'));
  const ledger: Ledger = { answered: new Set(), unanswered: new Set() };
  const source = new EventSource({ seed: options.seed, idPrefix: `k${options.seed}` });
  options.log(`seed ${options.seed}, data ${data}`);

  let again: Batch[] = [];
  for (let round = 1; round <= options.times; round++) {
    const server = await start(data, options.serverArgs);
    const senders = new Senders({ url: server.url, source, ledger, again });
    await delay(50 + random.next() * 2500);
    await server.kill();
    const lost = await senders.stop();
    again = lost.filter(() => random.next() < 0.5);
    options.log(
      `kill ${round}: ${ledger.answered.size} answered, ${ledger.unanswered.size} unanswered so far`,
    );
  }

  const server = await start(data, options.serverArgs);
  const senders = new Senders({ url: server.url, source, ledger, again });
  await delay(500);
  await senders.stop();
  await (await PageSession.open(server.url)).untilLoaded();
  await server.stop();
  const problems = await reconcile(data, ledger);
  for (const problem of problems) options.log(problem);
  if (problems.length === 0) await rm(data, { recursive: true, force: true });
  return problems.length === 0 ? { passed: options.times, failed: 0 } : { passed: 0, failed: options.times };
}

function start(data: string, serverArgs: readonly string[] = []): Promise<ServerProcess> {
  return ServerProcess.start({ project: STOREFRONT, data, args: ['--no-companions', ...serverArgs] });
}

interface Batch {
  readonly body: string;
  readonly ids: readonly string[];
}

class Senders {
  readonly #url: string;
  readonly #source: EventSource;
  readonly #ledger: Ledger;
  readonly #again: Batch[];
  readonly #lost: Batch[] = [];
  readonly #loops: Promise<void>[];
  #isStopping = false;

  constructor(options: { url: string; source: EventSource; ledger: Ledger; again: readonly Batch[] }) {
    this.#url = new URL('/v1/events', options.url).href;
    this.#source = options.source;
    this.#ledger = options.ledger;
    this.#again = [...options.again];
    this.#loops = Array.from({ length: SENDERS }, () => this.#run());
  }

  /** Ends the senders; gives back the batches that were not answered. */
  async stop(): Promise<readonly Batch[]> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    return this.#lost;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const batch = this.#again.pop() ?? this.#source.batch(BATCH_EVENTS, Date.now());
      for (const id of batch.ids) this.#ledger.unanswered.add(id);
      if (await this.#isAnswered(batch)) {
        for (const id of batch.ids) {
          this.#ledger.unanswered.delete(id);
          this.#ledger.answered.add(id);
        }
        continue;
      }
      this.#lost.push(batch);
      await delay(20);
    }
  }

  async #isAnswered(batch: Batch): Promise<boolean> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: batch.body,
        signal: AbortSignal.timeout(10_000),
      });
      const reply = (await response.json()) as { rejected?: unknown[] };
      return response.status === 202 && reply.rejected?.length === 0;
    } catch {
      // The server died under the request: whether it was stored is not known.
      return false;
    }
  }
}

/** Compares the mart with the ledger; one sentence for each kind of difference. */
async function reconcile(data: string, ledger: Ledger): Promise<string[]> {
  const warehouse = await openDuckdbWarehouse({ folder: join(data, 'warehouse') });
  try {
    const limits = { rowsMax: 50_000_000, timeoutMs: 120_000 };
    const staged = await warehouse.query(
      'select event_id, count(*)::integer from staging.stg_events group by 1',
      limits,
    );
    const [ids, counts] = staged.columns as [string[], number[]];
    const problems: string[] = [];
    const stored = new Set(ids);
    const lost = [...ledger.answered].filter((id) => !stored.has(id));
    const unknown = ids.filter((id) => !ledger.answered.has(id) && !ledger.unanswered.has(id));
    const twice = ids.filter((_, index) => (counts[index] as number) > 1);
    if (lost.length > 0)
      problems.push(`LOST: ${lost.length} answered events are not there, such as ${lost[0]}`);
    if (twice.length > 0)
      problems.push(`DUPLICATED: ${twice.length} events are there more than once, such as ${twice[0]}`);
    if (unknown.length > 0)
      problems.push(`PHANTOM: ${unknown.length} events were never sent, such as ${unknown[0]}`);

    const marts = await warehouse.query('select sum(total_events)::bigint from marts.fct_user_daily', limits);
    const counted = Number(marts.columns[0]?.[0]);
    if (counted !== stored.size)
      problems.push(`MART: fct_user_daily counts ${counted} of ${stored.size} events`);
    return problems;
  } finally {
    await warehouse.close();
  }
}
