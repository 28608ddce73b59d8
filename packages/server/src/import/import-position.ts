import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * How many rows of a file were sent, kept in a small file. It belongs to this very file: a changed one
 * starts again.
 */
export class ImportPosition {
  readonly #stateFile: string | undefined;
  readonly #identity: string;
  #rows: number;

  private constructor(stateFile: string | undefined, identity: string, rows: number) {
    this.#stateFile = stateFile;
    this.#identity = identity;
    this.#rows = rows;
  }

  /** Without a state file nothing is remembered. */
  static async open(stateFile: string | undefined, path: string): Promise<ImportPosition> {
    const { size, mtimeMs } = await stat(path);
    const identity = `${path} ${size} ${mtimeMs}`;
    const saved = stateFile === undefined ? undefined : await readState(stateFile);
    return new ImportPosition(stateFile, identity, saved?.file === identity ? saved.rows : 0);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Written beside and renamed: a kill leaves the old position or the new one. */
  async reach(rows: number): Promise<void> {
    if (rows === this.#rows) return;
    this.#rows = rows;
    if (this.#stateFile === undefined) return;
    await mkdir(dirname(this.#stateFile), { recursive: true });
    await writeFile(`${this.#stateFile}.new`, JSON.stringify({ file: this.#identity, rows }));
    await rename(`${this.#stateFile}.new`, this.#stateFile);
  }
}

async function readState(stateFile: string): Promise<{ file: string; rows: number } | undefined> {
  try {
    const state = JSON.parse(await readFile(stateFile, 'utf8')) as { file?: unknown; rows?: unknown };
    const isWhole = typeof state.file === 'string' && Number.isSafeInteger(state.rows);
    return isWhole ? (state as { file: string; rows: number }) : undefined;
  } catch {
    // Absent, or not written by us: what was sent before is recognised by its ids.
    return undefined;
  }
}
