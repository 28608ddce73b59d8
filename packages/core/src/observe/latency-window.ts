/**
 * Latencies of the last minute, in log-linear buckets (16 per power of two, so a quantile is at most 6 % too
 * high), one set of buckets a second. Recording is one array increment; figures are sums over the seconds
 * asked for. Source: the bucket layout of HdrHistogram (Gil Tene).
 */
export class LatencyWindow {
  readonly #seconds: Second[];

  constructor(windowMs = 60_000) {
    this.#seconds = Array.from({ length: Math.ceil(windowMs / 1000) + 1 }, () => new Second());
  }

  /** `count` events became visible at `nowMs`, `latencyMs` after their first byte. */
  record(nowMs: number, latencyMs: number, count = 1): void {
    const index = Math.floor(nowMs / 1000);
    const second = this.#seconds[index % this.#seconds.length] as Second;
    if (second.index !== index) second.restart(index);
    second.buckets[bucketOf(latencyMs)]! += count;
    second.count += count;
    second.sumMs += latencyMs * count;
  }

  /** Undefined when nothing was recorded in the window. */
  meanMs(nowMs: number, windowMs: number): number | undefined {
    let count = 0;
    let sumMs = 0;
    for (const second of this.#within(nowMs, windowMs)) {
      count += second.count;
      sumMs += second.sumMs;
    }
    return count === 0 ? undefined : sumMs / count;
  }

  /** Undefined when nothing was recorded in the window. */
  quantileMs(nowMs: number, windowMs: number, quantile: number): number | undefined {
    const seconds = this.#within(nowMs, windowMs);
    let total = 0;
    for (const second of seconds) total += second.count;
    if (total === 0) return undefined;
    const rank = Math.max(1, Math.ceil(quantile * total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (const second of seconds) seen += second.buckets[bucket] as number;
      if (seen >= rank) return upperBoundMs(bucket);
    }
    return upperBoundMs(BUCKETS - 1);
  }

  #within(nowMs: number, windowMs: number): Second[] {
    const last = Math.floor(nowMs / 1000);
    const first = last - Math.ceil(windowMs / 1000) + 1;
    return this.#seconds.filter((second) => second.index >= first && second.index <= last);
  }
}

/** 16 exact buckets below 16 ms, then 16 for each power of two up to 2^24 ms (4.6 hours). */
const BUCKETS = 16 + 20 * 16;

class Second {
  index = -1;
  count = 0;
  sumMs = 0;
  readonly buckets = new Float64Array(BUCKETS);

  restart(index: number): void {
    this.index = index;
    this.count = 0;
    this.sumMs = 0;
    this.buckets.fill(0);
  }
}

function bucketOf(latencyMs: number): number {
  const value = Math.max(0, Math.floor(latencyMs));
  if (value < 16) return value;
  const exponent = 31 - Math.clz32(Math.min(value, 0x7fffffff));
  const mantissa = (value >>> (exponent - 4)) & 15;
  return Math.min(BUCKETS - 1, (exponent - 3) * 16 + mantissa);
}

function upperBoundMs(bucket: number): number {
  if (bucket < 16) return bucket + 1;
  const exponent = Math.floor(bucket / 16) + 3;
  const mantissa = bucket % 16;
  return 2 ** exponent + (mantissa + 1) * 2 ** (exponent - 4);
}
