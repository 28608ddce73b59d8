/** The viewer's side of live queries: pure, without dependencies, the same in browsers, clients and tests. */
export { applyDelta, deltaBetween, equalResults, equalRows } from './delta.ts';
export {
  knownOf,
  readLive,
  waitingView,
  type LiveView,
  type ReaderEvent,
  type ReaderStatus,
  type ReaderStep,
} from './live-view.ts';
export { ReaderSet } from './reader-set.ts';
export type * from '../port.ts';
