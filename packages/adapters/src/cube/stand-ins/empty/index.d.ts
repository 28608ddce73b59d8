declare const absent: unknown;
export = absent;
