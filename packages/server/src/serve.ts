import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { isMillraceError } from '@millrace/core/base';
import { cubeRoutes } from './http/cube.ts';
import { liveRoutes } from './http/live.ts';
import { operateRoutes } from './http/operate.ts';
import { pageRoutes } from './http/page.ts';
import { reportRoutes } from './http/reports.ts';
import { systemClock } from './operate/index.ts';
import type { Profile } from './profile.ts';

// TEMPORARY: replaced by http/server.ts
export async function serve(profile: Profile, options: { host: string; port: number; webFolder: string; version: string }): Promise<{ url: string; app: FastifyInstance }> {
  const app = Fastify({ bodyLimit: 10 << 20, forceCloseConnections: true });
  app.addContentTypeParser(['application/x-ndjson', 'application/ndjson'], { parseAs: 'buffer' }, (_r, b, done) => done(null, b));
  await app.register(liveRoutes, { hub: profile.hub, clock: systemClock, project: profile.project.definition.name, version: options.version });
  await app.register(reportRoutes, { reports: profile.reports });
  if (profile.semantic !== undefined) await app.register(cubeRoutes, { cube: profile.semantic });
  await app.register(operateRoutes, { figures: profile.figures, scrape: () => profile.meter.scrape() });
  await app.register(pageRoutes, { folder: options.webFolder });
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_r, b, done) => done(null, b));
    scope.post('/v1/events', async (request, reply) => {
      try {
        const result = await profile.ingest.accept(request.body as Buffer, { contentType: request.headers['content-type'], receivedAtMs: Date.now() });
        const source = request.headers['x-source'];
        profile.sources.heard(typeof source === 'string' ? source : 'http', result.accepted);
        return reply.status(result.accepted + result.duplicates === 0 ? 422 : 202).send(result);
      } catch (error) {
        if (!isMillraceError(error)) throw error;
        return reply.status(error.kind === 'input' ? 400 : 503).send({ code: error.code, message: error.message, remedy: error.remedy });
      }
    });
  });
  const url = await app.listen({ host: options.host, port: options.port });
  return { url, app };
}
