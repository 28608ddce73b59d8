import { errorsOf } from '../base/index.ts';

/** What can go wrong in the models room. */
export const MODELS_ERRORS = {
  MODELS_MANIFEST_INVALID: {
    kind: 'config',
    cause: 'The compiled manifest cannot be read.',
    remedy: 'Compile the models again with `millrace compile`, and start with the manifest that it writes.',
  },
  MODELS_CYCLE: {
    kind: 'config',
    cause: 'Models of the manifest depend on each other in a circle.',
    remedy: 'Compile the models again; dbt refuses such a project and names the models.',
  },
  MODELS_PARENT_MISSING: {
    kind: 'config',
    cause: 'A model reads a relation that is not in the warehouse.',
    remedy:
      'Define the event contract whose topic fills the source, or load the seed or snapshot with dbt, then start again.',
  },
  MODELS_SQL_INVALID: {
    kind: 'config',
    cause: 'The warehouse refuses the compiled SQL of a model.',
    remedy: 'Correct the model or the event contract that it reads, and compile the models again.',
  },
  MODELS_NOT_PREPARED: {
    kind: 'fatal',
    cause: 'A refresh was asked for before the models were prepared on this database.',
    remedy: 'This is a defect of Millrace: report it with the log.',
  },
  MODELS_DRIFT: {
    kind: 'fatal',
    cause: 'A live table differs from the full SQL of its model.',
    remedy:
      'Nothing at once: the table was rebuilt. Check `grain` and `keys_from` of the model, or let it refresh as a whole (`meta.millrace.whole`).',
  },
  MODELS_REPEATED_ID: {
    kind: 'input',
    cause: 'A source that declares itself unique holds the same id more than once.',
    remedy:
      'Nothing at once: the models were corrected. Raise the deduplication window, or remove `unique_by` from the source.',
  },
} as const;

export const fail: ReturnType<typeof errorsOf<typeof MODELS_ERRORS>> = errorsOf(MODELS_ERRORS);
