import type {
  HopReport,
  IdentityReport,
  PipelineReport,
  ProcessReport,
  SourceReport,
  TopicReport,
} from 'millrace/wire';
import { formatBytes, formatDuration, formatNumber, noValue } from '../format/number-format.ts';
import { formatAge } from '../format/time-format.ts';
import { titleOf } from '../format/value-format.ts';
import { useReport } from '../live/use-live.ts';
import { useNow } from '../live/use-now.ts';
import { Freshness } from '../parts/freshness.tsx';
import { Pill, type Tone } from '../parts/pill.tsx';
import { ProgressBanner } from '../parts/progress.tsx';
import { hopLook, hopNames } from '../tiles/hop-look.ts';
import { ModelTable } from './model-table.tsx';

const count = (value: number) => formatNumber(value, { style: 'number' });

/** An event's way through the system, hop by hop, and whether the books balance. */
export function PipelinePage() {
  const { view, report } = useReport<PipelineReport>('pipeline');
  return (
    <>
      <title>Pipeline · Millrace</title>
      <div className="page-head">
        <div>
          <h1>Pipeline</h1>
          <p className="page-lead">
            The way of an event, hop by hop. Nothing accepted is lost, nothing is counted twice.
          </p>
        </div>
        <Freshness view={view} />
      </div>
      {report !== undefined && <Report report={report} />}
    </>
  );
}

function Report({ report }: { readonly report: PipelineReport }) {
  const { hops, identities, models, process, progress, sources, topics } = report;
  return (
    <>
      <ProgressBanner progress={progress} />
      <ol className="hops">
        {hops.map((hop) => (
          <Hop key={hop.id} hop={hop} />
        ))}
      </ol>
      <div className="grid">
        {identities.map((identity) => (
          <Identity key={identity.whole.label} identity={identity} />
        ))}
      </div>
      <ModelTable models={models} />
      <div className="grid grid-top">
        <Sources sources={sources} />
        <Topics topics={topics} />
      </div>
      <Process process={process} />
    </>
  );
}

function Hop({ hop }: { readonly hop: HopReport }) {
  const { facts, id, lagRecords, latencyMs, note, state } = hop;
  const { title, does } = hopNames[id];
  return (
    <li className={`hop is-${state}`}>
      <header className="hop-head">
        <h2 className="hop-title">{title}</h2>
        <Pill tone={hopLook[state].tone}>{hopLook[state].text}</Pill>
      </header>
      <p className="hop-does">{does}</p>
      <HopRate hop={hop} />
      <dl className="facts">
        {lagRecords !== undefined && <Fact label="Lag" text={count(lagRecords)} />}
        {latencyMs !== undefined && (
          <>
            <Fact label="p50" text={formatDuration(latencyMs.p50)} />
            <Fact label="p99" text={formatDuration(latencyMs.p99)} />
          </>
        )}
        {facts?.map(({ label, value, unit }) => (
          <Fact key={label} label={titleOf(label)} text={factText(value, unit)} />
        ))}
      </dl>
      {note !== undefined && <p className="hop-note">{note}</p>}
    </li>
  );
}

function HopRate({ hop }: { readonly hop: HopReport }) {
  const { eventsPerSecond, queriesPerSecond } = hop;
  const rate = eventsPerSecond ?? queriesPerSecond;
  // Topologies also read what they wrote for each other.
  const eventUnit = hop.id === 'streams' ? 'records/s' : 'events/s';
  const unit = eventsPerSecond === undefined ? 'queries/s' : eventUnit;
  return (
    <p className="hop-rate">
      {rate === undefined ? noValue : formatNumber(rate, { style: 'compact', decimals: 0 })}
      {rate !== undefined && <span className="hop-unit">{unit}</span>}
    </p>
  );
}

function Fact({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd>{text}</dd>
    </div>
  );
}

function factText(value: number | string, unit: 'ms' | 'bytes' | 'percent' | undefined): string {
  if (typeof value === 'string') return value;
  if (unit === 'ms') return formatDuration(value);
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'percent') return formatNumber(value, { style: 'percent' });
  return count(value);
}

function Identity({ identity }: { readonly identity: IdentityReport }) {
  const { whole, parts, holds } = identity;
  return (
    <section
      className={`tile span-6 identity ${holds ? '' : 'is-broken'}`}
      aria-label={`${whole.label} adds up`}
    >
      <p className="equation">
        <Term {...whole} />
        {parts.map((part, index) => (
          <span className="equation-part" key={part.label}>
            <span className="equation-sign">{index === 0 ? '=' : '+'}</span>
            <Term {...part} />
          </span>
        ))}
      </p>
      <Pill tone={holds ? 'good' : 'bad'}>{holds ? 'Adds up' : 'Does not add up'}</Pill>
    </section>
  );
}

function Term({ label, value }: { readonly label: string; readonly value: number }) {
  return (
    <span className="term">
      <span className="term-value">{count(value)}</span>
      <span className="term-label">{label}</span>
    </span>
  );
}

const sourceTone: Readonly<Record<SourceReport['state'], Tone>> = {
  sending: 'good',
  silent: 'warn',
  unreachable: 'bad',
};

function Sources({ sources }: { readonly sources: readonly SourceReport[] }) {
  const nowMs = useNow();
  return (
    <section className="tile span-6" aria-labelledby="sources">
      <h2 className="tile-title" id="sources">
        Sources
      </h2>
      <ul className="rows">
        {sources.map(({ name, state, events, lastEventAtMs, text }) => (
          <li className="row" key={name} title={text}>
            <Pill tone={sourceTone[state]}>{state}</Pill>
            <span className="row-main">
              {name}
              {text !== undefined && <span className="row-note">{text}</span>}
            </span>
            <span className="row-end">
              {count(events)} events
              {lastEventAtMs === undefined ? '' : `, ${formatAge(lastEventAtMs, nowMs)}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Topics({ topics }: { readonly topics: readonly TopicReport[] }) {
  return (
    <section className="tile span-6" aria-labelledby="topics">
      <h2 className="tile-title" id="topics">
        Topics
      </h2>
      <ul className="rows">
        {topics.map(({ topic, partitions, keyed, records }) => (
          <li className="row" key={topic}>
            <span className="row-main">
              {topic}
              <span className="row-note">
                {partitions} {partitions === 1 ? 'partition' : 'partitions'},{' '}
                {keyed ? 'by key: their number is fixed' : 'without keys: they can be added'}
              </span>
            </span>
            <span className="row-end">{count(records)} records</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Process({ process }: { readonly process: ProcessReport }) {
  const nowMs = useNow();
  const { startedAtMs, rssBytes, eventLoopDelayMsP99, version } = process;
  return (
    <p className="process">
      Millrace {version}, up {formatDuration(nowMs - startedAtMs)}, {formatBytes(rssBytes)} resident
      {eventLoopDelayMsP99 !== undefined && `, event loop delay p99 ${formatDuration(eventLoopDelayMsP99)}`}
    </p>
  );
}
