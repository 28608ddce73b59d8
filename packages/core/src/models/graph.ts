import { fail } from './errors.ts';
import type { Manifest, Model, OtherNode, Source } from './manifest.ts';

/** Something that a model reads, with inlined (ephemeral) models replaced by what they read. */
export type Parent =
  | { readonly kind: 'model'; readonly node: Model }
  | { readonly kind: 'source'; readonly node: Source }
  | { readonly kind: 'other'; readonly node: OtherNode };

/** The models of a manifest, parents before children. */
export interface Graph {
  readonly ordered: readonly Model[];
  parentsOf(model: Model): readonly Parent[];
  /** Those of its parents that are sources. */
  sourcesOf(model: Model): readonly Source[];
  /** All models that read the model, directly or through others, parents before children. */
  descendantsOf(id: string): readonly Model[];
}

/**
 * Orders the models.
 * @throws MODELS_CYCLE when models depend on each other in a circle
 * @throws MODELS_MANIFEST_INVALID when a model depends on something that the manifest does not hold
 */
export function buildGraph(manifest: Manifest): Graph {
  const nodes = new Map<string, Parent>();
  for (const node of manifest.models) nodes.set(node.id, { kind: 'model', node });
  for (const node of manifest.sources) nodes.set(node.id, { kind: 'source', node });
  for (const node of manifest.others) nodes.set(node.id, { kind: 'other', node });
  const parents = new Map<string, readonly Parent[]>();
  const ordered: Model[] = [];
  const open = new Set<string>();

  const visit = (model: Model): readonly Parent[] => {
    const known = parents.get(model.id);
    if (known !== undefined) return known;
    if (open.has(model.id)) {
      throw fail('MODELS_CYCLE', {
        message: `Models depend on each other in a circle: ${[...open].join(' → ')}.`,
      });
    }
    open.add(model.id);
    const found = new Map<string, Parent>();
    for (const id of model.dependsOn) {
      const parent = nodes.get(id);
      if (parent === undefined) {
        const message = `Model ${model.name} depends on ${id}, which the manifest does not hold.`;
        throw fail('MODELS_MANIFEST_INVALID', { message });
      }
      const above = parent.kind === 'model' ? visit(parent.node) : [];
      const isInlined = parent.kind === 'model' && parent.node.materialized === 'ephemeral';
      for (const each of isInlined ? above : [parent]) found.set(each.node.id, each);
    }
    open.delete(model.id);
    parents.set(model.id, [...found.values()]);
    ordered.push(model);
    return [...found.values()];
  };
  // By id, so that the order does not depend on the order in the file.
  for (const model of manifest.models.toSorted((a, b) => (a.id < b.id ? -1 : 1))) visit(model);

  const parentsOf = (model: Model) => parents.get(model.id) ?? [];
  return {
    ordered,
    parentsOf,
    sourcesOf: (model) => parentsOf(model).flatMap(({ kind, node }) => (kind === 'source' ? [node] : [])),
    descendantsOf(id) {
      const reached = new Set([id]);
      return ordered.filter((model) => {
        if (model.id === id || !parentsOf(model).some(({ node }) => reached.has(node.id))) return false;
        reached.add(model.id);
        return true;
      });
    },
  };
}
