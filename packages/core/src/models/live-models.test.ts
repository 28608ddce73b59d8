import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { proveLiveModels, type LiveProofOptions } from '@millrace/testkit/models';

const manifest = join(import.meta.dirname, '../../../../examples/storefront/models/compiled/manifest.json');
/** `MODELS_PROOF_STEPS=300 MODELS_PROOF_SEED=7 node --test …` goes further, and elsewhere. */
const steps = Number(process.env['MODELS_PROOF_STEPS'] ?? 60);
const firstSeed = Number(process.env['MODELS_PROOF_SEED'] ?? 1);

/** The workshop has twice as many models. */
const workshopSteps = Math.ceil(steps * 0.4);

const proofs: readonly (readonly [name: string, options: (text: string) => LiveProofOptions])[] = [
  ['the storefront', (text) => ({ seed: firstSeed, steps, project: { storefront: text }, repeats: false })],
  [
    'the storefront, where events are sent again and changed',
    (text) => ({ seed: firstSeed + 1, steps, project: { storefront: text }, repeats: true }),
  ],
  [
    'models in all forms',
    () => ({ seed: firstSeed + 2, steps: workshopSteps, project: 'workshop', repeats: false }),
  ],
  [
    'models in all forms, where events are sent again and changed',
    () => ({ seed: firstSeed + 3, steps: workshopSteps, project: 'workshop', repeats: true }),
  ],
];

for (const [name, optionsOf] of proofs) {
  test(`live tables equal their full SQL after every load: ${name}`, async (t) => {
    const options = optionsOf(await readFile(manifest, 'utf8'));
    const proof = await proveLiveModels(options);
    t.diagnostic(
      `seed ${options.seed}, ${options.steps} loads, ${proof.rows} rows, ${proof.rollbacks} rolled back`,
    );
    assert.deepEqual(proof.differences, [], `seed ${options.seed}`);
    assert.ok(proof.rows > options.steps * 5);
  });
}
