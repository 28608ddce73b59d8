export class CubeStoreHandler {}
export function isCubeStoreSupported(): boolean;
