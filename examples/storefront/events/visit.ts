import { defineEvent, Type } from 'millrace';

const shopper = {
  user_id: Type.String({ minLength: 1, maxLength: 64 }),
  session_id: Type.String({ minLength: 1, maxLength: 64 }),
};

/** A page of the shop was opened. */
export const pageView = defineEvent({
  name: 'page_view',
  version: 1,
  key: 'user_id',
  schema: Type.Object({ ...shopper, page: Type.String({ maxLength: 256 }) }),
});

/** Somebody searched the catalogue. */
export const search = defineEvent({
  name: 'search',
  version: 1,
  key: 'user_id',
  schema: Type.Object({ ...shopper, query: Type.String({ maxLength: 256 }) }),
});

/** A new account. The address is personal data. */
export const signUp = defineEvent({
  name: 'sign_up',
  version: 1,
  key: 'user_id',
  personal: ['email'],
  schema: Type.Object({
    ...shopper,
    country: Type.String({ minLength: 2, maxLength: 2 }),
    email: Type.String({ maxLength: 254 }),
  }),
});
