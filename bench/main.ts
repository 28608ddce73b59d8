/**
 * `npm run bench -- NAME [--json] [options]`: one measurement, with its peer in the same run where there is
 * one.
 */
import { readdir } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Bench, BenchFigures } from './bench.ts';

const [name, ...args] = process.argv.slice(2);
const benches = (await readdir(import.meta.dirname, { withFileTypes: true }))
  .filter(
    (entry) => entry.isFile() && entry.name.endsWith('.ts') && !['main.ts', 'bench.ts'].includes(entry.name),
  )
  .map((entry) => entry.name.slice(0, -3));

if (name === undefined || !benches.includes(name)) {
  console.log(`npm run bench -- NAME [--json]\n\nNames: ${benches.join(', ')}. Each has its own --help.`);
  process.exit(name === undefined || name === '--help' ? 0 : 1);
}

const isJson = args.includes('--json');
const bench = (await import(join(import.meta.dirname, `${name}.ts`))) as Bench;
const figures = await bench.run(args.filter((arg) => arg !== '--json'));
const report = { name, machine: machine(), versions: versions(), ...figures };
if (isJson) console.log(JSON.stringify(report));
else print(report);

function machine(): Record<string, unknown> {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryBytes: totalmem(),
    platform: process.platform,
  };
}

function versions(): Record<string, string> {
  return { node: process.versions.node, v8: process.versions.v8 };
}

function print(report: BenchFigures & { name: string }): void {
  console.log(`\n${report.name}  ${JSON.stringify(report.params)}`);
  for (const side of ['ours', 'peer', 'ratio'] as const) {
    for (const [figure, value] of Object.entries(report[side] ?? {})) {
      console.log(
        `  ${side.padEnd(5)}  ${figure.padEnd(28)} ${typeof value === 'number' ? round(value) : value}`,
      );
    }
  }
}

function round(value: number): string {
  return (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))).toLocaleString('en-US');
}
