import type { LiveMessage, LiveRequest, LiveView } from 'millrace/wire';
import type { ConnectionStatus } from './connection.ts';

/** From a tab to the switchboard. `key` is the query as JSON. */
export type TabMessage =
  | { readonly type: 'follow'; readonly key: string; readonly query: LiveRequest['query'] }
  | { readonly type: 'unfollow'; readonly key: string }
  /**
   * The tab goes. `lock`: the name of a lock that the tab holds as long as it lives, for those that go
   * without a word.
   */
  | { readonly type: 'bye' }
  | { readonly type: 'lock'; readonly name: string };

/** From the switchboard to a tab. A view comes first; messages lead on from it. */
export type SwitchboardMessage =
  | { readonly type: 'status'; readonly status: ConnectionStatus }
  | { readonly type: 'view'; readonly key: string; readonly view: LiveView }
  | { readonly type: 'message'; readonly key: string; readonly message: LiveMessage }
  | { readonly type: 'lost' };
