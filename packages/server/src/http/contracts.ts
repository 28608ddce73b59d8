import { type ContractRegistry, publishedContract } from '@millrace/core/contract';
import type { FastifyInstance } from 'fastify';
import { fail } from './errors.ts';

export interface ContractRoutesOptions {
  readonly registry: ContractRegistry;
}

/**
 * `GET /v1/contracts`: every event type with version, topic, key, system fields and the JSON Schema of its
 * events. `GET /v1/contracts/:type`: one of them; `HTTP_NOT_FOUND` names those that there are.
 */
export async function contractRoutes(
  app: FastifyInstance,
  { registry }: ContractRoutesOptions,
): Promise<void> {
  app.get('/v1/contracts', async () => ({ contracts: registry.contracts().map(publishedContract) }));
  app.get<{ Params: { type: string } }>('/v1/contracts/:type', async (request) => {
    const { type } = request.params;
    const contract = registry.contract(type);
    if (contract !== undefined) return publishedContract(contract);
    const names = registry.contracts().map(({ name }) => name);
    throw fail('HTTP_NOT_FOUND', { message: `There is no event type '${type}': ${names.join(', ')}.` });
  });
}
