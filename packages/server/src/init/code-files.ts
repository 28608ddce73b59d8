import type { FieldKind } from '../import/index.ts';
import type { ProjectField, ProjectPlan } from './project-plan.ts';

const SCHEMAS: Readonly<Record<FieldKind, string>> = {
  integer: 'Type.Integer()',
  number: 'Type.Number()',
  boolean: 'Type.Boolean()',
  timestamp: "Type.String({ format: 'date-time' })",
  date: "Type.String({ format: 'date' })",
  text: 'Type.String()',
  json: 'Type.String()',
};

/** `package.json`; `millraceFolder` is the package that the project runs. */
export function packageFile({ name }: ProjectPlan, millraceFolder: string): string {
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    scripts: { start: 'millrace start', check: 'millrace check', compile: 'millrace compile' },
    dependencies: { millrace: `file:${millraceFolder}` },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** For editors and `tsc`: what the project's own files are checked with. */
export function tsconfigFile(): string {
  return `${JSON.stringify({ extends: 'millrace/tsconfig.project.json', include: ['**/*.ts'] }, null, 2)}\n`;
}

export function configFile({ name, eventType, dataFile }: ProjectPlan): string {
  const companions =
    dataFile === undefined
      ? ''
      : `  // Sends the rows of the data file once; what it has sent it does not send again.
  companions: [{ name: 'import', command: ['import', ${codeText(dataFile)}, '--type', '${eventType}'] }],
`;
  return `import { defineProject } from 'millrace';

export default defineProject({
  name: '${name}',
  topics: { ${eventType}: { partitions: 4, keyed: false } },
${companions}});
`;
}

export function eventFile({ eventType, fields }: ProjectPlan): string {
  const personal = fields.filter((field) => field.isPersonal).map(({ name }) => `'${name}'`);
  const guess = `  // Told by their names: correct it where it is wrong.\n  personal: [${personal.join(', ')}],\n`;
  const lines = fields.map((field) => `    ${field.name}: ${schemaOf(field)},`);
  return `import { defineEvent, Type } from 'millrace';

export const ${constantName(eventType)} = defineEvent({
  name: '${eventType}',
  version: 1,
  topic: '${eventType}',
${personal.length === 0 ? '' : guess}  schema: Type.Object({
${lines.join('\n')}
  }),
});
`;
}

export const ALERTS_FILE = `import { defineAlert } from 'millrace';

export const highLatency = defineAlert({
  name: 'high-latency',
  description: 'Results take more than a second from the first byte received until they can be seen.',
  when: { figure: 'avg_latency_ms', above: 1000 },
  forMs: 5000,
});
`;

export const GITIGNORE_FILE = `node_modules/
.millrace/
target/
logs/
.user.yml
`;

export function readmeFile({ name, eventType }: ProjectPlan): string {
  return `# ${name}

\`npm start\` runs it; the page shows \`dashboards/\`.
Events of type \`${eventType}\` go to \`POST /v1/events\`.

- \`events/\`: what an event looks like
- \`models/\`: a standard dbt project; after a change run \`npx millrace compile\`
  (needs Python 3.10 or newer)
- \`semantic/\`: metrics, as Cube data models
- \`dashboards/\`: what the page shows; a saved file takes effect at once
- \`alerts/\`: what to watch

\`npx millrace check\` names what is wrong, without running anything.
`;
}

function schemaOf({ kind, isOptional }: ProjectField): string {
  return isOptional ? `Type.Optional(Type.Union([${SCHEMAS[kind]}, Type.Null()]))` : SCHEMAS[kind];
}

/** Text in single quotes. */
function codeText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** `order_line` → `orderLineEvent`: with its suffix it is no word of the language's own. */
function constantName(eventType: string): string {
  return `${eventType.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())}Event`;
}
