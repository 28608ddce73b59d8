import { fail } from '../errors.ts';
import type { LiveSource } from '../port.ts';
import { onlyFields, textField } from './fields.ts';

/**
 * A document in named sections, such as the state of all alerts: one section a rule. Only sections that
 * changed travel.
 */
export interface LiveReport {
  /** Section name → anything that JSON can carry. */
  read(): Readonly<Record<string, unknown>>;
  /** Called when a section may have changed. Returns the cancellation. */
  onChange(listener: () => void): () => void;
}

export interface ReportQuery {
  readonly name: string;
}

/** `{source: 'report', name}`: columns `section` and `document`, the document as JSON text. */
export function reportSource(reports: Readonly<Record<string, LiveReport>>): LiveSource<ReportQuery> {
  return {
    name: 'report',
    check(asked) {
      onlyFields(asked, ['name']);
      const name = textField(asked, 'name');
      if (Object.hasOwn(reports, name)) return { name };
      const names = Object.keys(reports).join(', ');
      throw fail('LIVE_REPORT_UNKNOWN', { message: `There is no report \`${name}\`. Reports: ${names}.` });
    },
    evaluate({ name }) {
      const sections = Object.entries(reports[name]?.read() ?? {});
      const rows = sections.map(([section, document]) => [section, JSON.stringify(document) ?? 'null']);
      return Promise.resolve({ columns: ['section', 'document'], rows });
    },
    watch: ({ name }, changed) => reports[name]?.onChange(changed) ?? (() => {}),
  };
}
