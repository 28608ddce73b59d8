import { useMemo } from 'react';
import type { MetaReport } from 'millrace/wire';
import { useReport } from '../live/use-live.ts';
import { Notice } from '../parts/notice.tsx';
import { replaceAddress, useSearch } from '../router.ts';
import { cubeOf, explorationOf, queriesOf, searchOf, type Exploration } from './explore-query.ts';
import { ExploreControls } from './explore-controls.tsx';
import { ExploreResults } from './explore-results.tsx';

/** One metric: sliced, filtered, over time, compared with the time before; live like everything else. */
export function ExplorePage() {
  const { report: meta } = useReport<MetaReport>('meta');
  return (
    <>
      <title>Explore · Millrace</title>
      <div className="page-head">
        <div>
          <h1>Explore</h1>
          <p className="page-lead">One metric: slice it, filter it, compare it. It moves as events arrive.</p>
        </div>
      </div>
      {meta === undefined ? <div className="skeleton" /> : <Explorer meta={meta} />}
    </>
  );
}

function Explorer({ meta }: { readonly meta: MetaReport }) {
  const search = useSearch();
  const exploration = useMemo(() => explorationOf(search, meta), [search, meta]);
  const cube = exploration && cubeOf(meta, exploration.metric);
  const queries = useMemo(() => exploration && queriesOf(exploration, cube), [exploration, cube]);
  if (meta.status.state === 'starting') {
    return (
      <Notice title="Starting">
        The metrics layer is being loaded; this takes a few seconds after a start.
      </Notice>
    );
  }
  if (meta.status.state === 'failed') {
    return (
      <Notice tone="bad" title="The metrics layer could not start">
        {meta.status.reason}
      </Notice>
    );
  }
  if (exploration === undefined || queries === undefined) {
    return (
      <Notice title="This project has no metrics yet">
        Write a cube into the folder <code>semantic</code>; its measures appear here.
      </Notice>
    );
  }
  const change = (part: Partial<Exploration>) =>
    replaceAddress(`/explore${searchOf({ ...exploration, ...part })}`);
  return (
    <div className="explore">
      <ExploreControls meta={meta} cube={cube} exploration={exploration} onChange={change} />
      <ExploreResults cube={cube} exploration={exploration} queries={queries} />
    </div>
  );
}
