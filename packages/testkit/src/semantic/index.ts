/** What tests of semantic layers share: a warehouse behind a channel, a layer with its models, a client. */
export { ChannelWarehouse } from './channel-warehouse.ts';
export { CubeSocket, type CubeMessage } from './cube-socket.ts';
export {
  machineClock,
  openLayerHarness,
  semanticCacheFolder,
  writeModels,
  type LayerHarness,
  type LayerSetting,
  type ServingLayer,
} from './layer-harness.ts';
