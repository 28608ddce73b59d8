import type { LiveResult, NumberTile } from 'millrace/wire';
import { Sparkline } from '../chart/sparkline.tsx';
import { formatNumber, noValue, numberOf } from '../format/number-format.ts';
import { useLive } from '../live/use-live.ts';
import { TileFrame } from './tile-frame.tsx';

export function NumberTileView({ tile }: { readonly tile: NumberTile }) {
  const view = useLive(tile.query);
  return (
    <TileFrame {...tile} view={view}>
      {(result) => (
        <>
          <p className="big-number">{numberText(result, tile)}</p>
          {tile.trend !== undefined && <Trend query={tile.trend} />}
        </>
      )}
    </TileFrame>
  );
}

function numberText(result: LiveResult, tile: NumberTile): string {
  const index = tile.value === undefined ? result.columns.length - 1 : result.columns.indexOf(tile.value);
  const value = result.rows[0]?.[index];
  const number = numberOf(value);
  if (number !== undefined) return formatNumber(number, tile.format);
  return value === null || value === undefined ? noValue : String(value);
}

function Trend({ query }: { readonly query: NonNullable<NumberTile['trend']> }) {
  const { result } = useLive(query);
  const last = (result?.columns.length ?? 0) - 1;
  return <Sparkline values={(result?.rows ?? []).map((row) => numberOf(row[last]) ?? null)} />;
}
