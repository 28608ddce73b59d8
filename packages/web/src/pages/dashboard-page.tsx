import type { DashboardEntry, DashboardsReport, PipelineReport } from 'millrace/wire';
import { useReport } from '../live/use-live.ts';
import { Link } from '../parts/link.tsx';
import { Notice } from '../parts/notice.tsx';
import { Prose } from '../parts/prose.tsx';
import { ProgressBanner } from '../parts/progress.tsx';
import { pathOf } from '../router.ts';
import { TileView } from '../tiles/tile-view.tsx';

/** One dashboard; without a name the first one. */
export function DashboardPage({ name }: { readonly name: string | undefined }) {
  const { report } = useReport<DashboardsReport>('dashboards');
  const { report: pipeline } = useReport<PipelineReport>('pipeline');
  if (report === undefined) return <h1 className="hidden">Dashboards</h1>;
  const entries = Object.values(report);
  const entry = name === undefined ? entries[0] : report[name];
  if (entry === undefined) return <NoDashboard name={name} entries={entries} />;
  const { dashboard } = entry;
  return (
    <>
      <title>{`${dashboard?.title ?? entry.name} · Millrace`}</title>
      <div className="page-head">
        <div>
          <h1>{dashboard?.title ?? entry.name}</h1>
          {dashboard?.description !== undefined && <p className="page-lead">{dashboard.description}</p>}
        </div>
        {entries.length > 1 && <DashboardTabs entries={entries} current={entry.name} />}
      </div>
      <ProgressBanner progress={pipeline?.progress ?? []} />
      <Problems entry={entry} />
      {dashboard !== undefined && (
        <div className="grid">
          {dashboard.tiles.map((tile) => (
            <TileView key={`${tile.id} ${tile.kind}`} tile={tile} />
          ))}
        </div>
      )}
      {dashboard?.tiles.length === 0 && <Notice title={`${entry.file} has no tiles yet`} />}
    </>
  );
}

function DashboardTabs({
  entries,
  current,
}: {
  readonly entries: readonly DashboardEntry[];
  readonly current: string;
}) {
  return (
    <nav className="tabs" aria-label="Dashboards">
      {entries.map(({ name, dashboard, problems }) => (
        <Link
          key={name}
          className="tab"
          href={pathOf({ page: 'dashboard', name })}
          aria-current={name === current ? 'page' : undefined}
        >
          {dashboard?.title ?? name}
          {problems.length > 0 && <span className="tab-flaw" title="The file has problems" />}
        </Link>
      ))}
    </nav>
  );
}

/** What is wrong with the file; above the last version that was right. */
function Problems({ entry }: { readonly entry: DashboardEntry }) {
  const { problems, dashboard } = entry;
  if (problems.length === 0) return null;
  return (
    <div className="problems" role="alert">
      <p className="problems-title">
        {entry.file} cannot be read{dashboard === undefined ? '' : '; this is its last good version'}
      </p>
      <ul>
        {problems.map(({ file, line, column, message }) => (
          <li key={`${line}:${column} ${message}`}>
            <code>
              {file}:{line}:{column}
            </code>{' '}
            <Prose text={message} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function NoDashboard({
  name,
  entries,
}: {
  readonly name: string | undefined;
  readonly entries: readonly DashboardEntry[];
}) {
  return (
    <>
      <h1>{name === undefined ? 'No dashboard yet' : `There is no dashboard “${name}”`}</h1>
      {entries.length > 0 ? (
        <DashboardTabs entries={entries} current="" />
      ) : (
        <Notice title="Write dashboards/first.yml in the project folder">
          It appears here as soon as it is saved. <Link href="/explore">Explore</Link> helps to find a first
          metric.
        </Notice>
      )}
    </>
  );
}
