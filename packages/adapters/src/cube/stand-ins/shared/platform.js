'use strict';
/** Stand-in for a file of `@cubejs-backend/shared` that runs `getconf`, `ldd` and `ldconfig`, to choose native addons. */
module.exports = {
  isNativeSupported: () => true,
  detectLibc: () => 'gnu',
  libraryExists: () => 2,
  LibraryExistsResult: { None: 0, Exists: 1, UnableToCheck: 2 },
};
