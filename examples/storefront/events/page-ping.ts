import { defineEvent, Type } from 'millrace';

/**
 * The browser reports how long a page took. No key: any partition may take it, so partitions can be added at
 * any time.
 */
export const pagePing = defineEvent({
  name: 'page_ping',
  version: 1,
  topic: 'page_pings',
  schema: Type.Object({
    page: Type.String({ maxLength: 256 }),
    load_ms: Type.Number({ minimum: 0 }),
    // Only the demonstration sends this: the enrichment step then takes that long for the event.
    demo: Type.Optional(Type.Object({ workMs: Type.Number({ minimum: 0, maximum: 5000 }) })),
  }),
});
