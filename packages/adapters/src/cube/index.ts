/** The semantic layer by real Cube, in a thread of this process. */
export { bundleCubeWorker, type CubeBundleOptions } from './bundle.ts';
export type { CubeApiScope, CubeAuth, CubeConfig } from './config.ts';
export { CUBE_ERRORS } from './errors.ts';
export { CubeSemanticLayer, type CubeSemanticLayerOptions } from './semantic-layer.ts';
