import type { PipelineReport, StatusTile } from 'millrace/wire';
import { formatDuration, formatNumber } from '../format/number-format.ts';
import { useReport } from '../live/use-live.ts';
import { hopLook, hopNames } from './hop-look.ts';
import { TileFrame } from './tile-frame.tsx';

/** The hops in one line, each with its state and what matters most of it. */
export function StatusTileView({ tile }: { readonly tile: StatusTile }) {
  const { view, report } = useReport<PipelineReport>('pipeline');
  return (
    <TileFrame {...tile} view={view}>
      {() => (
        <ol className="hop-line">
          {(report?.hops ?? []).map((hop) => (
            <li key={hop.id} className={`hop-chip tone-${hopLook[hop.state].tone}`} title={hop.note}>
              <span className="dot" aria-hidden="true" />
              <span className="hop-chip-name">{hopNames[hop.id].title}</span>
              <span className="hidden">{hopLook[hop.state].text}</span>
              <span className="hop-chip-fact">
                {hop.eventsPerSecond !== undefined &&
                  formatNumber(hop.eventsPerSecond, { style: 'compact', decimals: 0, unit: '/s' })}
                {hop.eventsPerSecond === undefined &&
                  hop.latencyMs !== undefined &&
                  formatDuration(hop.latencyMs.p99)}
              </span>
            </li>
          ))}
        </ol>
      )}
    </TileFrame>
  );
}
