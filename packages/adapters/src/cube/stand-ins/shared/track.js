'use strict';
/** Stand-in for the telemetry of `@cubejs-backend/shared`: nothing is collected and nothing can be sent. */
module.exports = { track: async () => {}, getAnonymousId: () => 'unknown' };
