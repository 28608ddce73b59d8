'use strict';
/** What the stand-in refuses: each call says which part of Cube it would need. */

function absent(part) {
  return () => {
    throw new Error(`This needs ${part} of Cube, which the embedded semantic layer does not have.`);
  };
}

/** Data models in plain YAML and JavaScript never reach these; templates and Python do. */
class NativeInstance {
  newJinjaEngine() {
    return { loadTemplate() {}, renderTemplate: absent('Jinja templates') };
  }

  loadPythonContext() {
    return absent('Python in data models')();
  }
}

module.exports = { NativeInstance, absent };
