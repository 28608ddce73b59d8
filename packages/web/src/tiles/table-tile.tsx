import { useEffect, useRef } from 'react';
import type { LiveResult, LiveRow, TableColumn, TableTile, TileFormat } from 'millrace/wire';
import { numberOf } from '../format/number-format.ts';
import { formatValue, titleOf } from '../format/value-format.ts';
import { useLive } from '../live/use-live.ts';
import { useNow } from '../live/use-now.ts';
import { TileFrame } from './tile-frame.tsx';

export function TableTileView({ tile }: { readonly tile: TableTile }) {
  const view = useLive(tile.query);
  return (
    <TileFrame {...tile} view={view}>
      {(result) => <ResultTable title={tile.title} columns={tile.columns} result={result} />}
    </TileFrame>
  );
}

interface ResultTableProps {
  readonly title: string;
  /** None: every column as it comes. */
  readonly columns: readonly TableColumn[];
  readonly result: LiveResult;
}

export function ResultTable({ title, columns, result }: ResultTableProps) {
  const nowMs = useNow();
  const isNew = useNewRows(result.rows);
  const shown = (
    columns.length > 0 ? columns : result.columns.map((column): TableColumn => ({ column }))
  ).map((column) => {
    const index = result.columns.indexOf(column.column);
    const numeric =
      column.format === undefined
        ? result.rows.some((row) => typeof row[index] === 'number')
        : !['text', 'time', 'age'].includes(column.format.style);
    return { ...column, index, numeric };
  });
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={title}>
      <table>
        <thead>
          <tr>
            {shown.map(({ column, label, numeric }) => (
              <th scope="col" key={column} className={numeric ? 'numeric' : undefined}>
                {label ?? titleOf(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {keyed(result.rows).map(([key, row]) => (
            <tr key={key} className={isNew(key) ? 'is-new' : undefined}>
              {shown.map(({ column, format, index, numeric }) => (
                <td key={column} className={numeric ? 'numeric' : undefined}>
                  {formatValue(row[index], format ?? formatFor(row, index), nowMs)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function formatFor(row: LiveRow, index: number): TileFormat {
  return { style: numberOf(row[index]) === undefined || typeof row[index] === 'string' ? 'text' : 'number' };
}

/** Equal rows keep their place in the page: the key is what they say, and which of the same it is. */
function keyed(rows: readonly LiveRow[]): [string, LiveRow][] {
  const counts = new Map<string, number>();
  return rows.map((row) => {
    const text = JSON.stringify(row);
    const count = counts.get(text) ?? 0;
    counts.set(text, count + 1);
    return [count === 0 ? text : `${text} ${count}`, row];
  });
}

const newForMs = 1_500;

/** Rows that came after the table was drawn first, for a moment. */
function useNewRows(rows: readonly LiveRow[]): (key: string) => boolean {
  const seenAtMs = useRef<ReadonlyMap<string, number>>(undefined);
  useEffect(() => {
    const before = seenAtMs.current;
    const firstMs = before === undefined ? Number.NEGATIVE_INFINITY : performance.now();
    seenAtMs.current = new Map(keyed(rows).map(([key]) => [key, before?.get(key) ?? firstMs]));
  }, [rows]);
  return (key) => {
    const seen = seenAtMs.current;
    return seen !== undefined && performance.now() - (seen.get(key) ?? Number.POSITIVE_INFINITY) < newForMs;
  };
}
