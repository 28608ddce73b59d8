import type { BarTile, LiveResult } from 'millrace/wire';
import { formatNumber, noValue, numberOf } from '../format/number-format.ts';
import { useLive } from '../live/use-live.ts';
import { TileFrame } from './tile-frame.tsx';

export function BarTileView({ tile }: { readonly tile: BarTile }) {
  const view = useLive(tile.query);
  return (
    <TileFrame {...tile} view={view}>
      {(result) => <Bars tile={tile} result={result} />}
    </TileFrame>
  );
}

interface BarsProps {
  readonly tile: Pick<BarTile, 'label' | 'value' | 'format'>;
  readonly result: LiveResult;
}

/** One bar a row, in the order of the rows. */
export function Bars({ tile, result }: BarsProps) {
  const labelIndex = tile.label === undefined ? 0 : result.columns.indexOf(tile.label);
  const valueIndex =
    tile.value === undefined ? result.columns.length - 1 : result.columns.indexOf(tile.value);
  const bars = result.rows.map((row) => ({
    label: String(row[labelIndex] ?? 'None'),
    value: numberOf(row[valueIndex]),
  }));
  const highest = Math.max(...bars.map(({ value }) => value ?? 0), 0) || 1;
  return (
    <ol className="bars">
      {bars.map(({ label, value }) => (
        <li className="bar" key={label}>
          <span className="bar-label">{label}</span>
          <span className="bar-value">
            {value === undefined ? noValue : formatNumber(value, tile.format)}
          </span>
          <span className="bar-track" aria-hidden="true">
            <span
              className="bar-fill"
              style={{ transform: `scaleX(${Math.max(0, (value ?? 0) / highest)})` }}
            />
          </span>
        </li>
      ))}
    </ol>
  );
}
