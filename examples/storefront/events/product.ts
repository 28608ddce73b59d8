import { defineEvent, Type } from 'millrace';

const productOfVisit = {
  user_id: Type.String({ minLength: 1, maxLength: 64 }),
  session_id: Type.String({ minLength: 1, maxLength: 64 }),
  product_id: Type.String({ minLength: 1, maxLength: 64 }),
  category: Type.String({ maxLength: 64 }),
  price: Type.Number({ minimum: 0 }),
};

/** A product's page was opened. */
export const productView = defineEvent({
  name: 'product_view',
  version: 1,
  key: 'user_id',
  schema: Type.Object(productOfVisit),
});

/** A product went into the cart. */
export const addToCart = defineEvent({
  name: 'add_to_cart',
  version: 1,
  key: 'user_id',
  schema: Type.Object({ ...productOfVisit, quantity: Type.Integer({ minimum: 1, maximum: 1000 }) }),
});
