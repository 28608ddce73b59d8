import { readFile, readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { isMillraceError } from '@millrace/core/base';
import { fail } from './errors.ts';
import { checkModelFiles, type ModelFile } from './model-rules.ts';

const modelName = /\.(ya?ml|js|py|jinja)$/;

/** The model files of a folder, at any depth; none when there is no folder. */
export async function readModelFiles(folder: string): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  for (const name of await modelNames(folder)) {
    const content = await readFile(join(folder, name), 'utf8');
    files.push({ fileName: name.replaceAll(sep, '/'), content });
  }
  return files;
}

async function modelNames(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => modelName.test(name)).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Changes whenever a file is added, removed or written. */
async function signatureOf(folder: string): Promise<string> {
  const parts: string[] = [];
  for (const name of await modelNames(folder)) {
    const file = await stat(join(folder, name), { bigint: true }).catch(() => undefined);
    parts.push(`${name} ${file?.mtimeNs} ${file?.size} ${file?.ino}`);
  }
  return parts.join('\n');
}

export interface ModelOptions<Compiled> {
  readonly folder: string;
  /** Compiles and checks; throws when the files are no good. */
  readonly compile: (files: readonly ModelFile[]) => Promise<Compiled>;
  /** After each attempt; `error` says why the files do not serve. */
  readonly onChange: (error: Error | undefined) => void;
}

/** The compiled models: the last good ones serve until better ones are there. */
export class Models<Compiled> {
  readonly #options: ModelOptions<Compiled>;
  #current: Compiled | undefined;
  #signature: string | undefined;
  #seen: string | undefined;
  #loading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ModelOptions<Compiled>) {
    this.#options = options;
  }

  get current(): Compiled | undefined {
    return this.#current;
  }

  /** Reads the files again. Never throws: the outcome goes to `onChange`. */
  async reload(): Promise<void> {
    this.#loading = this.#loading.then(() => this.#load());
    await this.#loading;
  }

  /** Looks for changed files every `pollMs`: works on every file system, and a folder may appear later. */
  watch(pollMs: number): void {
    if (pollMs <= 0) return;
    const look = async () => {
      await this.#look();
      this.#timer = setTimeout(() => void look(), pollMs);
    };
    this.#timer = setTimeout(() => void look(), pollMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** A file being written changes from look to look: it is read when it has stayed the same once. */
  async #look(): Promise<void> {
    const signature = await signatureOf(this.#options.folder).catch(() => this.#signature);
    const settled = signature === this.#seen;
    this.#seen = signature;
    if (settled && signature !== this.#signature) await this.reload();
  }

  async #load(): Promise<void> {
    const { folder, compile, onChange } = this.#options;
    try {
      this.#signature = await signatureOf(folder);
      const files = await readModelFiles(folder);
      checkModelFiles(files);
      this.#current = await compile(files);
      onChange(undefined);
    } catch (error) {
      onChange(isMillraceError(error) ? error : brokenModel(error));
    }
  }
}

/** Cube's report begins each file's part with `name.yml Errors:`. */
function brokenModel(error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error);
  const message = text
    .replace(/^Compile errors:\n/, '')
    .replaceAll(/^(\S+) Errors:\n/gm, '$1: ')
    .trim();
  const file = /^([^\s:]+\.(?:ya?ml|js)): /.exec(message)?.[1];
  return fail('CUBE_MODEL_BROKEN', { message, details: { file }, cause: error });
}
