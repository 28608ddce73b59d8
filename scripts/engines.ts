import { enginesFolder } from '@millrace/testkit/engines';
import { chromium } from './engines/chromium.ts';
import { dbt } from './engines/dbt.ts';
import type { Engine } from './engines/engine.ts';
import { kafka } from './engines/kafka.ts';
import { kafkaStreams } from './engines/kafka-streams.ts';
import { kafkaTools } from './engines/kafka-tools.ts';
import { postgres } from './engines/postgres.ts';

const engines: readonly Engine[] = [chromium, dbt, kafka, kafkaStreams, kafkaTools, postgres];

const usage = `npm run engines [-- NAME …] [--list]
Installs the real engines that tests use, outside this folder: ${enginesFolder()}
(MILLRACE_ENGINES names another place). What is there already is only tried.
Names: ${engines.map((engine) => engine.name).join(', ')}`;

/** Installs one engine unless it is there, starts it once and says how that went: true when it is usable. */
async function prepare(engine: Engine): Promise<boolean> {
  const startedMs = Date.now();
  try {
    const reason = engine.present();
    if (reason !== undefined) await engine.install();
    const version = await engine.start();
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
    console.log(
      `${engine.name}: ${reason === undefined ? 'present' : 'installed'}, ${version} (${seconds} s)`,
    );
    return true;
  } catch (error) {
    console.log(`${engine.name}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

function list(): void {
  for (const engine of engines)
    console.log(`${engine.name} ${engine.version}: ${engine.present() ?? 'present'}`);
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(usage);
    return;
  }
  if (args.includes('--list')) {
    list();
    return;
  }
  const unknown = args.filter((name) => !engines.some((engine) => engine.name === name));
  if (unknown.length > 0) {
    console.error(`No such engine: ${unknown.join(', ')}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const wanted = args.length === 0 ? engines : engines.filter((engine) => args.includes(engine.name));
  for (const engine of wanted) if (!(await prepare(engine))) process.exitCode = 1;
}

await main(process.argv.slice(2));
