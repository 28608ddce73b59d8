export type FileOperation =
  | 'open'
  | 'list'
  | 'makeFolder'
  | 'remove'
  | 'removeFolder'
  | 'rename'
  | 'syncFolder'
  | 'exists'
  | 'lock'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'size'
  | 'close';

/** Makes operations fail as the operating system would. */
export interface Fault {
  readonly operation: FileOperation;
  /** Fails only operations on paths that match. Default all. */
  readonly path?: RegExp;
  /** The code that the thrown error carries. */
  readonly code: 'EIO' | 'ENOSPC' | 'EACCES' | 'EROFS';
  /**
   * How many matching operations fail before the fault is over. Default 1; `Infinity` until it is taken away.
   */
  readonly times?: number;
  /** A failing write stores this share of its bytes before it fails, 0 to 1. Default 0. */
  readonly stored?: number;
}

export function systemError(code: string, operation: FileOperation, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${operation} '${path}'`), { code });
}
