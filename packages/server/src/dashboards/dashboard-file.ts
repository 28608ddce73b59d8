import type { Dashboard, DashboardProblem, Tile } from '../wire/index.ts';
import { readTile, type QueryCheck } from './tile-file.ts';
import { YamlFile } from './yaml-value.ts';

export type { QueryCheck } from './tile-file.ts';

/** Either a dashboard without problems, or problems without a dashboard. */
export interface ReadDashboard {
  readonly dashboard: Dashboard | undefined;
  readonly problems: readonly DashboardProblem[];
}

const tilesMax = 60;

/** Reads the text of one dashboard file; every problem names its line and column. */
export function readDashboard(file: string, text: string, check: QueryCheck): ReadDashboard {
  const yaml = new YamlFile(file, text);
  if (yaml.problems.length > 0) return { dashboard: undefined, problems: yaml.problems };
  const fields = yaml.root.fields(['title', 'description', 'order', 'tiles']);
  if (fields === undefined) return { dashboard: undefined, problems: yaml.problems };
  const title = fields.get('title');
  const tiles = fields.get('tiles');
  if (title === undefined) fields.problem('A dashboard needs a `title`.');
  if (tiles === undefined) fields.problem('A dashboard needs `tiles`.');
  const items = tiles?.list() ?? [];
  if (items.length > tilesMax)
    tiles?.problem(`A dashboard may have ${tilesMax} tiles; this one has ${items.length}.`);
  const read = items.map((item) => readTile(item, check));
  const dashboard: Dashboard = {
    title: title?.text() ?? '',
    description: fields.get('description')?.text(),
    order: fields.get('order')?.number({ min: 0, max: 10_000 }) ?? 100,
    tiles: identified(read.filter((tile) => tile !== undefined)),
  };
  return { dashboard: yaml.problems.length === 0 ? dashboard : undefined, problems: yaml.problems };
}

/** Ids from titles: a tile keeps its place on the page when others come and go. */
function identified(tiles: readonly Omit<Tile, 'id'>[]): Tile[] {
  const taken = new Map<string, number>();
  return tiles.map((tile) => {
    const slug = tile.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    const count = (taken.get(slug) ?? 0) + 1;
    taken.set(slug, count);
    return { id: count === 1 ? slug : `${slug}-${count}`, ...tile } as Tile;
  });
}
