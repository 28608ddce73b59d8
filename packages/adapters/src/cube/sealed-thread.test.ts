import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

test('a sealed thread reaches nothing outside, and says what it tried', async () => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const attempts = [];
    const ways = {
      connect: () => require('node:net').connect(9, '127.0.0.1'),
      http: () => require('node:http').get('http://127.0.0.1:9/'),
      https: () => require('node:https').get('https://127.0.0.1:9/'),
      tls: () => require('node:tls').connect(9, '127.0.0.1'),
      fetch: () => fetch('http://127.0.0.1:9/'),
      lookup: () => require('node:dns').lookup('example.invalid', () => {}),
      resolve: () => require('node:dns/promises').resolve4('example.invalid'),
      datagram: () => require('node:dgram').createSocket('udp4'),
      exec: () => require('node:child_process').execSync('true'),
      spawn: () => require('node:child_process').spawn('true'),
    };
    import(${JSON.stringify(new URL('sealed-thread.ts', import.meta.url).href)}).then(async ({ sealThread }) => {
      sealThread((attempt) => attempts.push(attempt));
      const open = [];
      for (const [name, way] of Object.entries(ways)) {
        try {
          await way();
          open.push(name);
        } catch {}
      }
      // A server still listens: Cube has one on a socket file.
      const server = require('node:net').createServer().listen(0, () => {
        server.close();
        parentPort.postMessage({ open, attempts });
      });
    });`;
  const worker = new Worker(code, { eval: true });
  const { open, attempts } = await new Promise<{ open: string[]; attempts: string[] }>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  assert.deepEqual(open, []);
  assert.equal(attempts.length, 10);
});
