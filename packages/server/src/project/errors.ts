import { errorsOf } from '@millrace/core/base';

export const PROJECT_ERRORS = {
  PROJECT_NOT_FOUND: {
    kind: 'config',
    cause: 'The folder holds no Millrace project.',
    remedy:
      'Name a folder with a millrace.config.ts (`--project DIR`), or make one with `npx millrace init DIR`.',
  },
  PROJECT_BROKEN_FILE: {
    kind: 'config',
    cause: 'A project file could not be loaded.',
    remedy: 'Correct the file that the message names, and start again.',
  },
  PROJECT_NOT_LINKED: {
    kind: 'config',
    cause: 'The project does not find Millrace.',
    remedy:
      'Run `npm install` in the project; its package.json says where the checkout is (`"millrace": "file:…"`).',
  },
  PROJECT_BAD_DEFINITION: {
    kind: 'config',
    cause: 'A project file does not export what its folder is for.',
    remedy: 'Export the definition that the message asks for.',
  },
  PROJECT_WITHOUT_MODELS: {
    kind: 'config',
    cause: 'The project has no models.',
    remedy: 'Name the folder of a project that has a dbt project in `models`.',
  },
} as const;

export const fail = errorsOf(PROJECT_ERRORS);
