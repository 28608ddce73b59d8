import { defineEvent, Type } from 'millrace';

/** One flight within the United States; the event time is the departure. */
export const flight = defineEvent({
  name: 'flight',
  version: 1,
  topic: 'flights',
  schema: Type.Object({
    /** Minutes behind the timetable; negative when early. */
    delay: Type.Integer(),
    /** Miles. */
    distance: Type.Integer(),
    origin: Type.String({ maxLength: 8 }),
    destination: Type.String({ maxLength: 8 }),
  }),
});
