import type { Random } from '@millrace/core/base';
import {
  defineTopology,
  Serdes,
  TopologyTestDriver,
  type KStream,
  type KTable,
  type TestInputTopic,
  type Windowed,
} from '@millrace/core/streams';

/** A topology, its input, and nothing that is not JSON: Java builds the same from it. */
export interface StreamCase {
  readonly before: readonly string[];
  readonly step: {
    readonly name: string;
    readonly oneMs: number;
    readonly twoMs: number;
    readonly graceMs: number;
  };
  readonly after: readonly string[];
  readonly records: readonly {
    readonly topic: 'left' | 'right';
    readonly key: string | null;
    readonly value: string | null;
    readonly timestampMs: number;
  }[];
}

/** Key, value and time of a record that was written. */
export type Written = readonly [key: string | null, value: string | null, timestampMs: number];

type Text = KStream<string | null, string | null>;

const text = { keySerde: Serdes.string, valueSerde: Serdes.string };
const isEven = (value: string | null) => value !== null && value.length % 2 === 0;
const turned = (key: string | null) => (key === null ? null : key === 'a' ? 'b' : 'a');
const pair = (one: string, other: string | null) => `${one}+${other}`;
const appended = (sum: string, value: string | null) => `${sum}${value}`;

const statelessSteps: Readonly<Record<string, (stream: Text) => Text>> = {
  filter: (stream) => stream.filter((value) => isEven(value)),
  filterNot: (stream) => stream.filterNot((value) => isEven(value)),
  map: (stream) => stream.map((value, key) => [turned(key), `${value}m`]),
  mapValues: (stream) => stream.mapValues((value) => `${value}v`),
  flatMap: (stream) =>
    stream.flatMap(
      (value, key) =>
        [
          [key, `${value}1`],
          [turned(key), `${value}2`],
        ] as const,
    ),
  flatMapValues: (stream) =>
    stream.flatMapValues((value) => (isEven(value) ? [`${value}e`, `${value}f`] : [])),
  selectKey: (stream) => stream.selectKey((_value, key) => turned(key)),
  peek: (stream) => stream.peek(() => {}),
  repartition: (stream) => stream.repartition(text),
  merge: (stream) => stream.merge(stream.mapValues((value) => `${value}+`)),
  split: (stream) => {
    const { even, default: odd } = stream.split({ even: (value) => isEven(value) });
    return even.mapValues((value) => `${value}E`).merge(odd);
  },
};

const grouped = (stream: Text) => stream.groupByKey(text);

type Step = StreamCase['step'];

const timeWindowed = (left: Text, sizeMs: number, { oneMs, graceMs }: Step) =>
  grouped(left)
    .windowedBy({ sizeMs, graceMs, advanceMs: oneMs + 1 })
    .aggregate(() => '', appended, { valueSerde: Serdes.string });

const sessions = (left: Text, { oneMs, graceMs }: Step) =>
  grouped(left)
    .windowedBy({ inactivityGapMs: oneMs, graceMs })
    .aggregate(
      () => '',
      appended,
      (one, other) => `${one}|${other}`,
      { valueSerde: Serdes.string },
    );

const flat = (table: KTable<Windowed<string>, string, string | null>): Text =>
  table.toStream().selectKey((_value, { key, startMs, endMs }) => `${key}@${startMs}-${endMs}`);

const statefulSteps: Readonly<Record<string, (left: Text, right: Text, step: Step) => Text>> = {
  none: (left) => left,
  tableJoin: (left, right) => left.join(right.toTable(text), pair, text),
  tableLeftJoin: (left, right) => left.leftJoin(right.toTable(text), pair, text) as Text,
  streamJoin: (left, right, { oneMs, twoMs, graceMs }) => {
    const windows = { beforeMs: oneMs, afterMs: twoMs, graceMs };
    return left.join(right, pair, { windows, ...text, otherValueSerde: Serdes.string });
  },
  aggregate: (left) =>
    grouped(left)
      .aggregate(() => '', appended, text)
      .toStream(),
  reduce: (left) => grouped(left).reduce(appended, text).toStream(),
  count: (left) =>
    grouped(left)
      .count()
      .toStream()
      .mapValues((count) => `${count}`),
  tableFilter: (left) =>
    left
      .toTable(text)
      .filter((value) => isEven(value))
      .mapValues((value) => `${value}t`)
      .toStream(),
  suppressLimit: (left, _right, { oneMs, twoMs }) =>
    grouped(left)
      .aggregate(() => '', appended, text)
      .suppress({ until: 'time-limit', timeLimitMs: oneMs, bufferRecordsMax: twoMs + 1 })
      .toStream(),
  tumbling: (left, _right, step) => flat(timeWindowed(left, step.oneMs + 1, step)),
  hopping: (left, _right, step) => flat(timeWindowed(left, step.oneMs + step.twoMs + 1, step)),
  tumblingFinal: (left, _right, step) =>
    flat(timeWindowed(left, step.oneMs + 1, step).suppress({ until: 'window-closes' })),
  session: (left, _right, step) => flat(sessions(left, step)),
  sessionFinal: (left, _right, step) => flat(sessions(left, step).suppress({ until: 'window-closes' })),
};

/** A random case: up to four stateless steps around a stateful one; late, null and tied records. */
export function randomCase(random: Random): StreamCase {
  const below = (limit: number) => Math.floor(random.next() * limit);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const steps = () => Array.from({ length: below(3) }, () => pick(Object.keys(statelessSteps)));
  let nowMs = 1_000;
  const records = Array.from({ length: below(40) }, (_, i) => {
    nowMs += below(12);
    return {
      topic: pick(['left', 'right'] as const),
      key: below(25) === 0 ? null : pick(['a', 'b']),
      value: below(15) === 0 ? null : `v${i}`,
      timestampMs: below(4) === 0 ? nowMs - below(60) : nowMs,
    };
  });
  const step = {
    name: pick(Object.keys(statefulSteps)),
    oneMs: below(15),
    twoMs: below(15),
    graceMs: pick([0, 0, 5, 30, 1_000]),
  };
  return { before: steps(), step, after: steps(), records };
}

/** What our topology writes. */
export function answerOf({ before, step, after, records }: StreamCase): Written[] {
  const topology = defineTopology('case', (builder) => {
    const right = builder.stream<string | null, string | null>('right', text);
    let stream = builder.stream<string | null, string | null>('left', text);
    for (const name of before) stream = statelessSteps[name]!(stream);
    stream = statefulSteps[step.name]!(stream, right, step);
    for (const name of after) stream = statelessSteps[name]!(stream);
    stream.to('out', text);
  });
  const driver = new TopologyTestDriver(topology);
  const inputs: Record<'left' | 'right', TestInputTopic<string, string>> = {
    left: driver.createInputTopic('left', text),
    right: driver.createInputTopic('right', text),
  };
  for (const { topic, key, value, timestampMs } of records) inputs[topic].pipe(key, value, timestampMs);
  const output = driver.createOutputTopic('out', text).readRecords();
  return output.map(({ key, value, timestampMs }) => [key, value, timestampMs]);
}
