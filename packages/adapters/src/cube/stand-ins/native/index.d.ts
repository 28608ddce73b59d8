/** What Cube's own declarations name. */
export class NativeInstance {}
export class ResultWrapper {}
export class ResultMultiWrapper {}
