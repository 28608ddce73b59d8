/** `GET /v1/meta`, and the live query `{source: 'report', name: 'meta'}`: what can be explored. */
export interface MetaReport {
  readonly status: { readonly state: 'starting' | 'ready' | 'failed'; readonly reason?: string | undefined };
  readonly cubes: readonly CubeReport[];
}

export interface CubeReport {
  readonly name: string;
  readonly title: string;
  readonly description?: string | undefined;
  readonly measures: readonly MemberReport[];
  /** Without those of time. */
  readonly dimensions: readonly MemberReport[];
  readonly times: readonly MemberReport[];
}

export interface MemberReport {
  /** `cube.member`. */
  readonly name: string;
  readonly title: string;
  readonly description?: string | undefined;
  readonly type: string;
  readonly format?: string | undefined;
}
