import { defineTopology } from 'millrace';
import { checkoutStarted, paymentFailed, purchase } from '../events/order.ts';
import { pagePing } from '../events/page-ping.ts';
import { addToCart, productView } from '../events/product.ts';
import { pageView, search, signUp } from '../events/visit.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What happens in the shop, by event type: per minute, and per second for the last minutes. */
export const activity = defineTopology('activity', (builder) => {
  const byType = builder
    .stream([
      pageView,
      search,
      signUp,
      productView,
      addToCart,
      checkoutStarted,
      purchase,
      paymentFailed,
      pagePing,
    ])
    .groupBy((event) => event.event_type, { name: 'by-type' });

  // A day of grace: history that is loaded at first start comes through several partitions at different
  // speeds.
  byType.windowedBy({ sizeMs: MINUTE_MS, graceMs: 24 * HOUR_MS }).count({ store: 'activity-by-type' });
  byType.windowedBy({ sizeMs: 1000, graceMs: 10 * MINUTE_MS }).count({ store: 'events-per-second' });
});

/** What sells, minute by minute. */
export const sales = defineTopology('sales', (builder) => {
  builder
    .stream([purchase])
    .groupBy((order) => order.product_id, { name: 'by-product' })
    .windowedBy({ sizeMs: MINUTE_MS, graceMs: 24 * HOUR_MS })
    .aggregate(
      () => ({ orders: 0, quantity: 0, revenue: 0 }),
      (sum, { quantity, amount }) => ({
        orders: sum.orders + 1,
        quantity: sum.quantity + quantity,
        revenue: sum.revenue + amount,
      }),
      { store: 'sales-by-product' },
    );
});
