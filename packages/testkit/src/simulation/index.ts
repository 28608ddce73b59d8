/** A disk that tears, loses, fills up and fails, from a seed. */
export type { Fault, FileOperation } from './fault.ts';
export { SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.ts';
