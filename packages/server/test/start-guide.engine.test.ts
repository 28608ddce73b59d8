// docs/start.md, done as it says: its files are written, its commands run, its answers compared.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { dbtCommand } from '@millrace/testkit/engines';
import { PageSession, ServerProcess } from '@millrace/testkit/load';

const root = join(import.meta.dirname, '../../..');
const main = fileURLToPath(import.meta.resolve('millrace/main'));
const located = dbtCommand();
const skip = 'absent' in located ? located.absent : false;
const ANSWER_MS = 30_000;

interface Block {
  readonly language: string;
  readonly text: string;
}

async function blocksOf(path: string): Promise<Block[]> {
  const text = await readFile(path, 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({
    language,
    text: body,
  }));
}

/** The path that a block begins with: `// events/a.ts`, `# dashboards/a.yml`, `-- models/a.sql`. */
function pathOf({ text }: Block): string {
  const path = /^(?:\/\/|#|--) (\S+\.\w+)\n/.exec(text)?.[1];
  assert.ok(path, `a file without its path:\n${text}`);
  return path;
}

/** What a person who follows the page has: a folder, a server, the last answer. */
class Follower {
  readonly #folder: string;
  readonly #data: string;
  #server: ServerProcess | undefined;
  /** The command whose answer the page shows next. */
  #asked: string | undefined;

  constructor(folder: string) {
    this.#folder = join(folder, 'cafe');
    this.#data = join(folder, 'data');
  }

  async write(block: Block): Promise<void> {
    const path = join(this.#folder, pathOf(block));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, block.text);
  }

  async type(text: string): Promise<void> {
    if (text.startsWith('curl ')) {
      this.#asked = text.replaceAll('http://127.0.0.1:4400', this.#server?.url ?? '');
      // What changes something is sent once; a question is asked when its answer is compared.
      if (text.includes(' -d '))
        this.#asked = `printf %s '${(await this.#shell(this.#asked)).replaceAll("'", "'\\''")}'`;
      return;
    }
    for (const line of text.trim().split('\n')) await this.#command(line);
  }

  async compare(text: string): Promise<void> {
    const expected = normal(JSON.parse(text));
    const asked = this.#asked ?? '';
    const deadlineMs = Date.now() + ANSWER_MS;
    let actual: unknown;
    while (Date.now() < deadlineMs) {
      const answer = JSON.parse(await this.#shell(asked)) as Record<string, unknown>;
      actual = normal('data' in answer ? { data: answer['data'] } : answer);
      if (JSON.stringify(actual) === JSON.stringify(expected)) return;
      await sleep(100);
    }
    assert.deepEqual(actual, expected, asked);
  }

  /** The first rows that the stream's store gives, by its sum. */
  async untilCounted(store: string, total: number): Promise<void> {
    const session = await PageSession.open(this.#server?.url ?? '');
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(ANSWER_MS)]);
    let counted = 0;
    await session.follow(
      { tile: { source: 'stream', store, select: { value: 'value' } } },
      {
        signal,
        onView: (_id, view) => {
          counted = (view.result?.rows ?? []).reduce((sum, [value]) => sum + Number(value), 0);
          if (counted === total) stop.abort();
        },
      },
    );
    assert.equal(counted, total);
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  async #command(line: string): Promise<void> {
    if (line === 'cd ../cafe') return;
    if (line === 'npm start') {
      await this.#server?.stop();
      this.#server = await ServerProcess.start({ project: this.#folder, data: this.#data });
      return;
    }
    const [npx, name, command = '', ...args] = line.split(' ');
    assert.deepEqual([npx, name], ['npx', 'millrace'], `nobody knows how to type: ${line}`);
    const isInit = command === 'init';
    const own = args.map((arg) => (arg === '../cafe' ? this.#folder : arg));
    const output = await run(process.execPath, [main, command, ...own], isInit ? root : this.#folder);
    if (command === 'check') assert.match(output, /No problem found/);
  }

  #shell(command: string): Promise<string> {
    return run('sh', ['-c', command], this.#folder);
  }
}

function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${args.join(' ')}\n${stdout}${stderr}`));
    });
  });
}

/** Rows come in any order, and numbers as text of any form. */
function normal(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(normal).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value === 'string') return /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, normal(held)]));
}

test('docs/start.md: everything on the page works as it says', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-start-guide-'));
  const follower = new Follower(folder);
  t.after(async () => {
    await follower.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const blocks = await blocksOf(join(root, 'docs/start.md'));
  assert.ok(blocks.length > 20);
  for (const block of blocks) {
    if (block.language === 'sh') await follower.type(block.text);
    else if (block.language === 'json') await follower.compare(block.text);
    else await follower.write(block);
  }
  // The stream began at the first sale in the log, which is older than the stream.
  await follower.untilCounted('sales-per-minute', 3);
});
