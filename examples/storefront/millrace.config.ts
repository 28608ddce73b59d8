import { defineProject } from 'millrace';

export default defineProject({
  name: 'storefront',
  topics: {
    events: { partitions: 4 },
    page_pings: { partitions: 4, keyed: false },
  },
  // Shoppers in a process of their own: they speak to the public HTTP API like any customer's application.
  companions: [{ name: 'shoppers', script: 'simulator/main.ts' }],
});
