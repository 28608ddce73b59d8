/** The contracts that a data folder was opened with, and those of the project. */
export { ContractFile } from './contract-file.ts';
export { goneEventText } from './gone-event.ts';
