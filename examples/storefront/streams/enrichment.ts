import { defineTopology } from 'millrace';
import { purchase } from '../events/order.ts';
import { pagePing } from '../events/page-ping.ts';
import { addToCart, productView } from '../events/product.ts';

const WORK_MS_MAX = 5000;
const SLOW_LOAD_MS = 500;

/**
 * Page loads with a verdict. Nothing here depends on a key, so that the topic's partitions can grow while it
 * runs. A ping of the demonstration asks for work that takes a while: the planted slow-down.
 */
export const pageEnrichment = defineTopology('page-enrichment', (builder) => {
  builder
    .stream([pagePing])
    .mapValues(
      ({ page, load_ms, demo }, _key, context) => {
        const load = { page, load_ms, verdict: load_ms > SLOW_LOAD_MS ? 'slow' : 'fast' };
        const workMs = Math.min(demo?.workMs ?? 0, WORK_MS_MAX);
        return workMs > 0 ? context.sleep(workMs).then(() => load) : load;
      },
      { name: 'verdict' },
    )
    .to('page_loads');
});

/** Product views, each with how often the product went into a cart or was bought so far. */
export const viewEnrichment = defineTopology('view-enrichment', (builder) => {
  const interest = builder
    .stream([addToCart, purchase], { name: 'interest-events' })
    .groupBy((event) => event.product_id, { name: 'interest' })
    .count({ store: 'product-interest' });

  builder
    .stream([productView], { name: 'views' })
    .selectKey((view) => view.product_id, { name: 'by-product' })
    .leftJoin(
      interest,
      ({ user_id, product_id, category, price }, count) => ({
        user_id,
        product_id,
        category,
        price,
        interest: count ?? 0,
      }),
      { name: 'with-interest' },
    )
    .to('enriched_views');
});
