/**
 * The load of `bench/pipeline.ts`, in a process of its own: requests at fixed times, whether or not earlier
 * ones are answered.
 */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { EventSource } from '@millrace/testkit/load';

/** Sent to the parent for each request when it is answered. */
export interface SentBatch {
  /** Events of this and all requests scheduled before it. */
  readonly cumulative: number;
  readonly scheduledAtMs: number;
  readonly ackedAtMs: number;
  readonly accepted: number;
  readonly status: number;
}

const [url, rateText, secondsText, idPrefix] = process.argv.slice(2) as [string, string, string, string];
const EVENTS_PER_REQUEST = 100;
const intervalMs = (EVENTS_PER_REQUEST * 1000) / Number(rateText);
const total = Math.round((Number(secondsText) * 1000) / intervalMs);

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const source = new EventSource({ seed: 11, idPrefix });
const startMs = Date.now() + 200;
const answers: Promise<void>[] = [];
for (let index = 0; index < total; index++) {
  const scheduledAtMs = startMs + index * intervalMs;
  const waitMs = scheduledAtMs - Date.now();
  if (waitMs > 1) await delay(waitMs);
  const { body } = source.batch(EVENTS_PER_REQUEST, Date.now());
  answers.push(post(body, (index + 1) * EVENTS_PER_REQUEST, scheduledAtMs));
}
await Promise.all(answers);
agent.destroy();
process.disconnect?.();

function post(body: string, cumulative: number, scheduledAtMs: number): Promise<void> {
  const headers = { 'content-type': 'application/x-ndjson', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const report = (status: number, accepted: number) => {
      const batch: SentBatch = { cumulative, scheduledAtMs, ackedAtMs: Date.now(), accepted, status };
      process.send?.(batch);
      resolve();
    };
    const outgoing = request(new URL('/v1/events', url), { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const accepted =
          response.statusCode === 202 ? (JSON.parse(text) as { accepted: number }).accepted : 0;
        report(response.statusCode ?? 0, accepted);
      });
    });
    outgoing.on('error', () => report(0, 0));
    outgoing.end(body);
  });
}
