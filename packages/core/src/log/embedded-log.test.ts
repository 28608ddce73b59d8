import { EmbeddedHarness, eventLogSuite } from '@millrace/testkit/log';
import { SimulatedDisk } from '@millrace/testkit/simulation';
import { seededRandom } from '../base/index.ts';

async function disk() {
  const files = new SimulatedDisk({ random: seededRandom(1) }).mount();
  return { files, folder: '/data/log', remove: async () => {} };
}

eventLogSuite(new EmbeddedHarness({ name: 'embedded, simulated disk', disk }));
