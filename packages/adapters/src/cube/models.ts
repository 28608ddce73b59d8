import { readFile, readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { isMillraceError, messageOf } from '@millrace/core/base';
import { fail } from './errors.ts';
import { checkModelFiles, type ModelFile } from './model-rules.ts';

/** A file is looked for by compiling each alone: a few hundred milliseconds for this many. */
const blamedMax = 50;
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
    let files: readonly ModelFile[] = [];
    try {
      this.#signature = await signatureOf(folder);
      files = await readModelFiles(folder);
      checkModelFiles(files);
      this.#current = await compile(files);
      onChange(undefined);
    } catch (error) {
      onChange(isMillraceError(error) ? error : await this.#broken(files, error));
    }
  }

  /**
   * Cube names the file of some mistakes only; of the others, the file that has the same mistake when it is
   * alone.
   */
  async #broken(files: readonly ModelFile[], error: unknown): Promise<Error> {
    const report = reportOf(error);
    if (report.file !== undefined) return brokenModel(report, error);
    const [mistake] = report.message.split('\n');
    for (const file of files.slice(0, blamedMax)) {
      const alone = await this.#options.compile([file]).then(() => undefined, reportOf);
      if (alone?.message.startsWith(mistake as string)) {
        const { fileName } = file;
        return brokenModel({ file: fileName, message: `${fileName}: ${report.message}` }, error);
      }
    }
    return brokenModel(report, error);
  }
}

interface Report {
  readonly file: string | undefined;
  readonly message: string;
}

/**
 * Cube's report begins with `Compile errors:`, and each file's part with `name.yml Errors:` or just
 * `Errors:`.
 */
function reportOf(error: unknown): Report {
  const message = messageOf(error)
    .replace(/^Compile errors:\n/, '')
    .replaceAll(/^(\S+) Errors:\n/gm, '$1: ')
    .replaceAll(/^Errors:\n/gm, '')
    .trim();
  return { message, file: /^([^\s:]+\.(?:ya?ml|js)): /.exec(message)?.[1] };
}

function brokenModel({ file, message }: Report, cause: unknown): Error {
  return fail('CUBE_MODEL_BROKEN', { message, details: { file }, cause });
}
