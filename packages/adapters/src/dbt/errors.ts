import { errorsOf } from '@millrace/core/base';

/** What can go wrong when dbt is run. */
export const DBT_ERRORS = {
  DBT_NOT_FOUND: {
    kind: 'config',
    cause: 'dbt was not found.',
    remedy:
      'Run `npm run engines` where Python 3.10 or newer is present, put a `dbt` with dbt-duckdb on PATH, or name it in MILLRACE_DBT.',
  },
  DBT_FAILED: {
    kind: 'config',
    cause: 'dbt ended with an error.',
    remedy: 'Correct what its output names; the last lines are in the message.',
  },
  DBT_NO_PROJECT: {
    kind: 'config',
    cause: 'The folder holds no dbt project.',
    remedy: 'Name a folder that holds dbt_project.yml.',
  },
} as const;

export const fail: ReturnType<typeof errorsOf<typeof DBT_ERRORS>> = errorsOf(DBT_ERRORS);
