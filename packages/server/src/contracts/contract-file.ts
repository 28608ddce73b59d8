import { join } from 'node:path';
import { nodeFileSystem } from '@millrace/adapters/disk';
import { readWhole, writeAtomically } from '@millrace/core/base';
import {
  checkEvolution,
  type ContractEvolution,
  type ContractRecord,
  decodeRecords,
  encodeRecords,
  recordsOf,
} from '@millrace/core/contract';
import { definitionFile, type Project } from '../project/index.ts';

/** `contracts.json` of a data folder: the contracts that it was last opened with. */
export class ContractFile {
  readonly #path: string;
  readonly #before: string | undefined;
  readonly #records: readonly ContractRecord[];

  private constructor(path: string, before: string | undefined) {
    this.#path = path;
    this.#before = before;
    this.#records = before === undefined ? [] : decodeRecords(before, path);
  }

  /** Only reads; a folder without the file has nothing to compare. `CONTRACT_RECORD_UNREADABLE`. */
  static async read(dataFolder: string): Promise<ContractFile> {
    const path = join(dataFolder, 'contracts.json');
    const bytes = await readWhole(nodeFileSystem, path);
    return new ContractFile(path, bytes && Buffer.from(bytes).toString());
  }

  /** What the project's contracts mean for the data folder. */
  compare(project: Project): ContractEvolution {
    return checkEvolution(this.#records, project.contracts, (contract) => definitionFile(project, contract));
  }

  /** Replaces the file where the contracts have changed: to be called once the folder is open with them. */
  async remember({ contracts }: Project): Promise<void> {
    const encoded = encodeRecords(recordsOf(contracts, this.#records));
    if (encoded === this.#before) return;
    await writeAtomically(nodeFileSystem, this.#path, Buffer.from(encoded));
  }
}
