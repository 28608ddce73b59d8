import { join } from 'node:path';

/** Where a project keeps its data unless it is told: with Kafka beside, for the log is another one. */
export function dataFolderOf(projectFolder: string, log: 'embedded' | 'kafka'): string {
  return join(projectFolder, '.millrace', log === 'embedded' ? 'data' : 'data-kafka');
}
