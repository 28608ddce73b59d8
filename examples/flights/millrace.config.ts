import { defineProject } from 'millrace';

export default defineProject({
  name: 'flights',
  // The flights are of 2001: events keep their own time, however late they come.
  topics: { flights: { partitions: 4, keyed: false, retentionMs: Infinity } },
});
