import type { FigureBoard } from '@millrace/core/observe';
import type { FastifyInstance } from 'fastify';

export interface OperateRoutesOptions {
  readonly figures: FigureBoard;
  /** The exposition text for Prometheus. */
  readonly scrape: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

/** `GET /metrics` for Prometheus, `GET /v1/figures` for people and scripts. */
export async function operateRoutes(
  app: FastifyInstance,
  { figures, scrape }: OperateRoutesOptions,
): Promise<void> {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await scrape();
    return reply.type(contentType).send(text);
  });
  app.get('/v1/figures', async () => figures.read());
}
