import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEvents, type StreamEvent } from './event-stream.ts';

async function events(...chunks: string[]): Promise<StreamEvent[]> {
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
  const read: StreamEvent[] = [];
  for await (const event of readEvents(stream)) read.push(event);
  return read;
}

test('events are put together across chunks, wherever those are cut', async () => {
  const text =
    'retry: 1000\nevent: hello\ndata: {"a":1}\n\ndata: one\n\n: nothing\n\ndata: two\ndata: lines\n\n';
  const whole = [
    { event: 'hello', data: '{"a":1}' },
    { event: 'message', data: 'one' },
    { event: 'message', data: 'two\nlines' },
  ];
  for (let cut = 0; cut <= text.length; cut++) {
    assert.deepEqual(await events(text.slice(0, cut), text.slice(cut)), whole);
  }
});

test('an event without its end is none', async () => {
  assert.deepEqual(await events('data: one\n\ndata: tw'), [{ event: 'message', data: 'one' }]);
});
