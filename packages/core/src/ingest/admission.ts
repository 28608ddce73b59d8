import type { Gauge, Meter } from '../base/index.ts';
import { fail } from './errors.ts';

const RETRY_AFTER_MS = 1000;

/** Memory for bodies that are being received or stored: bounded, first come, first served. */
export class AdmissionControl {
  readonly #bytesMax: number;
  readonly #gauge: Gauge;
  #bytes = 0;

  constructor(bytesMax: number, meter: Meter) {
    this.#bytesMax = bytesMax;
    this.#gauge = meter.gauge(
      'ingest_in_flight_bytes',
      'Bytes of requests that are being received or stored.',
    );
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** For one request, before its body is read. */
  admit(): Admission {
    return new Admission((bytes) => this.#reserve(bytes));
  }

  #reserve(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      const details = { inFlightBytes: this.#bytes, inFlightBytesMax: this.#bytesMax };
      throw fail('INGEST_OVERLOADED', { retryAfterMs: RETRY_AFTER_MS, details });
    }
    this.#bytes += bytes;
    this.#gauge.set(this.#bytes);
  }
}

/** What one request holds of the memory. */
export class Admission {
  readonly #reserve: (bytes: number) => void;
  #bytes = 0;
  #isReleased = false;

  constructor(reserve: (bytes: number) => void) {
    this.#reserve = reserve;
  }

  /** Asks for room up to `bytes` in all; `INGEST_OVERLOADED` when there is none. */
  growTo(bytes: number): void {
    if (this.#isReleased || bytes <= this.#bytes) return;
    this.#reserve(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** Gives the room back; calling it again does nothing. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#reserve(-this.#bytes);
  }
}
