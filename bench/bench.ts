/** What a measurement gives back. Figures carry their unit in the name (`ackMsP99`, `cpuMicrosPerEvent`). */
export interface BenchFigures {
  readonly params: Readonly<Record<string, unknown>>;
  readonly ours: Readonly<Record<string, number>>;
  /** The same on the peer, in the same run; null where there is none. */
  readonly peer: Readonly<Record<string, number>> | null;
  /** Ours over the peer's. */
  readonly ratio: Readonly<Record<string, number>> | null;
}

/** A file of this folder. */
export interface Bench {
  /** `args` without `--json`. */
  run(args: readonly string[]): Promise<BenchFigures>;
}
