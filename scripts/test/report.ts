import type { FileResult } from './file-run.ts';

/** Skips with these words end by `npm run engines`, so continuous integration counts them as failures. */
const installableReason = 'npm run engines';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One line for a file, and below it each failure in full with what the file printed. */
export function describeFile(result: FileResult): string {
  const seconds = `${(result.durationMs / 1000).toFixed(1)} s`;
  const counts = [
    result.passed > 0 && `${result.passed} passed`,
    result.failed.length > 0 && `${result.failed.length} failed`,
    result.skipped.length > 0 && `${result.skipped.length} skipped`,
  ].filter((count) => count !== false);
  const mark = result.failed.length > 0 ? 'FAIL' : ' ok ';
  const lines = [`${mark}  ${result.file}  ${counts.join(', ')}  ${seconds}`];
  for (const { name, error } of result.failed) lines.push(indent(name, 6), indent(error, 8));
  if (result.failed.length > 0 && result.output.trim() !== '') {
    lines.push(indent('printed:', 6), indent(result.output.trimEnd(), 8));
  }
  return lines.join('\n');
}

function indent(text: string, width: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(width));
}

/** The skipped tests by reason, so that one absent engine is one line. */
export function describeSkipped(results: readonly FileResult[]): string {
  const byReason = new Map<string, string[]>();
  for (const { file, skipped } of results) {
    for (const { name, reason } of skipped) {
      byReason.set(reason, [...(byReason.get(reason) ?? []), `${file}: ${name}`]);
    }
  }
  if (byReason.size === 0) return '';
  const lines = ['Skipped:'];
  for (const [reason, tests] of byReason) lines.push(`  ${reason}`, ...tests.map((test) => `    ${test}`));
  return lines.join('\n');
}

/**
 * What the run comes to. In continuous integration every engine that can be installed must have been, so a
 * test skipped for want of one has failed there.
 */
export function totalsOf(results: readonly FileResult[], isContinuousIntegration: boolean): Totals {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const result of results) {
    passed += result.passed;
    failed += result.failed.length;
    for (const { reason } of result.skipped) {
      if (isContinuousIntegration && reason.includes(installableReason)) failed++;
      else skipped++;
    }
  }
  return { passed, failed, skipped };
}

/** The last line of every run. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
