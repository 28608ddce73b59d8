import { liveError, type LiveReport } from '@millrace/core/live';
import type { FastifyInstance } from 'fastify';

export interface ReportRoutesOptions {
  /** The same reports that the live source `report` answers. */
  readonly reports: Readonly<Record<string, LiveReport>>;
}

/**
 * `GET /v1/<report>` for each report, and `GET /v1/<report>/<section>`: what the page sees live, for
 * everybody else.
 */
export async function reportRoutes(app: FastifyInstance, { reports }: ReportRoutesOptions): Promise<void> {
  for (const [name, report] of Object.entries(reports)) {
    app.get(`/v1/${name}`, async () => report.read());
    app.get<{ Params: { section: string } }>(`/v1/${name}/:section`, async (request) => {
      const sections = report.read();
      const { section } = request.params;
      if (Object.hasOwn(sections, section)) return sections[section];
      const names = Object.keys(sections).join(', ');
      throw liveError('LIVE_REPORT_UNKNOWN', {
        message: `The report \`${name}\` has no section \`${section}\`: ${names}.`,
      });
    });
  }
}
