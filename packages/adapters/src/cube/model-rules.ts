import { fail } from './errors.ts';

export interface ModelFile {
  /** Path below the model folder, with `/`. */
  readonly fileName: string;
  readonly content: string;
}

/** The parts of Cube's compiled cube that the rules read. */
export interface CompiledCube {
  readonly name: string;
  readonly fileName: string;
  readonly isView?: boolean;
  readonly accessPolicy?: readonly unknown[];
  readonly preAggregations?: Readonly<Record<string, unknown>>;
  readonly includedMembers?: readonly { readonly memberPath: string }[];
}

const template = /\{%|%\}|\{\{|\}\}/;

/**
 * Refuses files that need Cube's native addon. Throws `CUBE_MODEL_UNSUPPORTED`, which names file, line and
 * construct.
 */
export function checkModelFiles(files: readonly ModelFile[]): void {
  for (const { fileName, content } of files) {
    if (fileName.endsWith('.py')) unsupported(fileName, 'a Python model', 'write it as YAML');
    if (fileName.endsWith('.jinja')) unsupported(fileName, 'a Jinja template', 'write it as plain YAML');
    const line = fileName.endsWith('.js') ? -1 : content.split('\n').findIndex((text) => template.test(text));
    if (line >= 0) {
      unsupported(
        `${fileName}:${line + 1}`,
        'a Jinja expression (`{{ }}` or `{% %}`)',
        'write it as plain YAML',
      );
    }
  }
}

/**
 * Refuses cubes that need Cube Store, and views that would show what a cube's access policy hides.
 * Throws `CUBE_MODEL_UNSUPPORTED` or `CUBE_MODEL_UNGUARDED`.
 */
export function checkCompiledCubes(cubes: readonly CompiledCube[]): void {
  const guarded = new Set<string>();
  for (const cube of cubes) {
    const [rollup] = Object.keys(cube.preAggregations ?? {});
    if (rollup !== undefined) {
      unsupported(
        cube.fileName,
        `pre-aggregation \`${rollup}\` of cube \`${cube.name}\`, which needs Cube Store,`,
        'make the rollup a dbt mart and point the cube at it',
      );
    }
    if (!cube.isView && hasPolicy(cube)) guarded.add(cube.name);
  }
  for (const view of cubes) {
    if (!view.isView || hasPolicy(view)) continue;
    for (const { memberPath } of view.includedMembers ?? []) {
      const cube = memberPath.split('.')[0] as string;
      if (!guarded.has(cube)) continue;
      throw fail('CUBE_MODEL_UNGUARDED', {
        message:
          `${view.fileName}: view \`${view.name}\` includes members of cube \`${cube}\`, ` +
          `which has an access_policy, but has no access_policy itself.`,
        details: { file: view.fileName, view: view.name, cube },
      });
    }
  }
}

function hasPolicy(cube: CompiledCube): boolean {
  return (cube.accessPolicy?.length ?? 0) > 0;
}

function unsupported(place: string, construct: string, instead: string): never {
  throw fail('CUBE_MODEL_UNSUPPORTED', {
    message: `${place}: ${construct} is not supported by the embedded semantic layer; ${instead}.`,
    details: { file: place, construct },
  });
}
