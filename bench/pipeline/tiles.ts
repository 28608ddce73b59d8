/**
 * The metric queries of a dashboard, as its tiles ask them: over marts, some over all history, some over
 * today.
 */
export const TILES: readonly Readonly<Record<string, unknown>>[] = [
  { measures: ['hours.total_events'] },
  { measures: ['hours.revenue'] },
  {
    measures: ['events.unique_users'],
    timeDimensions: [{ dimension: 'events.event_date', dateRange: 'today' }],
  },
  {
    measures: ['events.events_per_user'],
    timeDimensions: [{ dimension: 'events.event_date', dateRange: 'today' }],
  },
  {
    measures: ['hours.total_events'],
    timeDimensions: [{ dimension: 'hours.event_hour', granularity: 'hour' }],
  },
  {
    measures: ['hours.total_events'],
    dimensions: ['hours.event_type'],
    timeDimensions: [{ dimension: 'hours.event_hour', granularity: 'day' }],
  },
  {
    measures: ['products.revenue'],
    dimensions: ['products.product_id'],
    order: { 'products.revenue': 'desc' },
    limit: 10,
  },
  { measures: ['products.views', 'products.purchases'], dimensions: ['products.category'] },
  {
    measures: ['products.purchases_per_view'],
    timeDimensions: [{ dimension: 'products.activity_date', granularity: 'day' }],
  },
  { measures: ['funnel.conversion'] },
  {
    measures: ['funnel.sessions', 'funnel.purchased'],
    timeDimensions: [{ dimension: 'funnel.activity_date', granularity: 'day' }],
  },
  {
    measures: ['users.active_users'],
    timeDimensions: [{ dimension: 'users.activity_date', dateRange: 'today' }],
  },
];
