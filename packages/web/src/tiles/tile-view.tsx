import { memo } from 'react';
import type { Tile } from 'millrace/wire';
import { AlertsTileView } from './alerts-tile.tsx';
import { BarTileView } from './bar-tile.tsx';
import { NumberTileView } from './number-tile.tsx';
import { SeriesTileView } from './series-tile.tsx';
import { StatusTileView } from './status-tile.tsx';
import { TableTileView } from './table-tile.tsx';

/** One tile of a dashboard, by its kind. */
export const TileView = memo(function TileView({ tile }: { readonly tile: Tile }) {
  switch (tile.kind) {
    case 'number':
      return <NumberTileView tile={tile} />;
    case 'series':
      return <SeriesTileView tile={tile} />;
    case 'bar':
      return <BarTileView tile={tile} />;
    case 'table':
      return <TableTileView tile={tile} />;
    case 'alerts':
      return <AlertsTileView tile={tile} />;
    case 'status':
      return <StatusTileView tile={tile} />;
  }
});
