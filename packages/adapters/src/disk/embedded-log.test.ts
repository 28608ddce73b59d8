import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedHarness, eventLogSuite } from '@millrace/testkit/log';
import { checksum } from './checksum.ts';
import { codecs } from './codecs.ts';
import { nodeFileSystem } from './file-system.ts';

async function disk() {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-log-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  return { files: nodeFileSystem, folder: join(folder, 'data', 'log'), remove };
}

eventLogSuite(new EmbeddedHarness({ name: 'embedded, real disk', disk, checksum, codecs }));
