import { defineEvent, Type } from 'millrace';

const orderOfVisit = {
  user_id: Type.String({ minLength: 1, maxLength: 64 }),
  session_id: Type.String({ minLength: 1, maxLength: 64 }),
  order_id: Type.String({ minLength: 1, maxLength: 64 }),
  amount: Type.Number({ minimum: 0 }),
  country: Type.String({ minLength: 2, maxLength: 2 }),
};

/** The shopper began to pay. */
export const checkoutStarted = defineEvent({
  name: 'checkout_started',
  version: 1,
  key: 'user_id',
  schema: Type.Object(orderOfVisit),
});

/** The order was paid. One product an order keeps the example small. */
export const purchase = defineEvent({
  name: 'purchase',
  version: 1,
  key: 'user_id',
  schema: Type.Object({
    ...orderOfVisit,
    currency: Type.String({ minLength: 3, maxLength: 3 }),
    product_id: Type.String({ minLength: 1, maxLength: 64 }),
    category: Type.String({ maxLength: 64 }),
    quantity: Type.Integer({ minimum: 1, maximum: 1000 }),
  }),
});

/** The payment was refused. */
export const paymentFailed = defineEvent({
  name: 'payment_failed',
  version: 1,
  key: 'user_id',
  schema: Type.Object({ ...orderOfVisit, reason: Type.String({ maxLength: 64 }) }),
});
