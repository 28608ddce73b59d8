import { messageOf } from '@millrace/core/base';
import type { LiveReport } from '@millrace/core/live';
import type { SecurityContext, SemanticLayer } from '@millrace/core/semantic';
import type { CubeReport, MemberReport, MetaReport } from '../wire/index.ts';

/** What can be explored; read again whenever the semantic layer changes its state. */
export class MetaReporter implements LiveReport {
  readonly #semantic: SemanticLayer;
  readonly #context: SecurityContext;
  readonly #listeners = new Set<() => void>();
  readonly #cancelState: () => void;
  #report: MetaReport = { status: { state: 'starting' }, cubes: [] };
  #reading = 0;

  /** `context`: in whose name the page asks. */
  constructor(semantic: SemanticLayer, context: SecurityContext) {
    this.#semantic = semantic;
    this.#context = context;
    this.#cancelState = semantic.onStateChange(() => void this.#renew());
    void this.#renew();
  }

  read(): Readonly<Record<string, unknown>> {
    return { ...this.#report };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#cancelState();
  }

  async #renew(): Promise<void> {
    const reading = ++this.#reading;
    const report = await this.#ask();
    if (reading !== this.#reading) return;
    this.#report = report;
    for (const listener of this.#listeners) listener();
  }

  async #ask(): Promise<MetaReport> {
    const { status, reason } = this.#semantic.state;
    if (status !== 'ready') return { status: { state: status, reason }, cubes: [] };
    try {
      return { status: { state: 'ready' }, cubes: metaOf(await this.#semantic.meta(this.#context)) };
    } catch (error) {
      return { status: { state: 'failed', reason: messageOf(error) }, cubes: [] };
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Cube's `/meta`, reduced to what a page needs; cubes and members that are not public are left out. */
export function metaOf(meta: unknown): CubeReport[] {
  return list(fields(meta)['cubes'])
    .filter(isPublic)
    .map((cube) => {
      const dimensions = list(cube['dimensions']).filter(isPublic).map(memberOf);
      return {
        name: text(cube['name']),
        title: text(cube['title'] ?? cube['name']),
        description: optionalText(cube['description']),
        measures: list(cube['measures']).filter(isPublic).map(memberOf),
        dimensions: dimensions.filter(({ type }) => type !== 'time'),
        times: dimensions.filter(({ type }) => type === 'time'),
      };
    });
}

function memberOf(member: Fields): MemberReport {
  return {
    name: text(member['name']),
    title: text(member['shortTitle'] ?? member['title'] ?? member['name']),
    description: optionalText(member['description']),
    type: text(member['type']),
    format: optionalText(member['format']),
  };
}

function isPublic(member: Fields): boolean {
  return member['public'] !== false && member['isVisible'] !== false;
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
