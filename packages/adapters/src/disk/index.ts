/** The machine's own disk: files, locks and a native checksum for the rooms that keep data. */
export { checksum } from './checksum.ts';
export { codecs } from './codecs.ts';
export { nodeFileSystem } from './file-system.ts';
