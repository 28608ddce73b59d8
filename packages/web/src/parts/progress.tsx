import type { ProgressReport } from 'millrace/wire';
import { formatNumber } from '../format/number-format.ts';
import { titleOf } from '../format/value-format.ts';

/** Long work under way, such as the first back-fill; nothing when there is none. */
export function ProgressBanner({ progress }: { readonly progress: readonly ProgressReport[] }) {
  const running = progress.filter(({ done, total }) => done < total);
  if (running.length === 0) return null;
  return (
    <div className="banner">
      {running.map((each) => (
        <ProgressLine key={each.name} {...each} />
      ))}
    </div>
  );
}

function ProgressLine({ label, done, total }: ProgressReport) {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const count = (value: number) => formatNumber(value, { style: 'number' });
  return (
    <div className="progress">
      <span className="progress-label">{titleOf(label)}</span>
      <progress className="progress-bar" value={done} max={total} aria-label={label} />
      <span className="progress-count">
        {count(done)} of {count(total)} ({formatNumber(share, { style: 'percent', decimals: 0 })})
      </span>
    </div>
  );
}
