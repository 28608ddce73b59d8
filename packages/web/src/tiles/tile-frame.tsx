import { useId, type ReactNode } from 'react';
import type { LiveResult, LiveView } from 'millrace/wire';
import { Freshness } from '../parts/freshness.tsx';
import { Notice } from '../parts/notice.tsx';
import { Prose } from '../parts/prose.tsx';

interface TileFrameProps {
  readonly title: string;
  readonly description?: string | undefined;
  readonly kind: string;
  readonly width: number;
  readonly view: LiveView;
  readonly empty?: string | undefined;
  /** Buttons of the tile, right of its title. */
  readonly actions?: ReactNode;
  /** Drawn as soon as there is a result, also an old one. */
  readonly children: (result: LiveResult) => ReactNode;
}

/** What all tiles have: title, freshness, and something to say in every state. */
export function TileFrame({
  title,
  description,
  kind,
  width,
  view,
  empty,
  actions,
  children,
}: TileFrameProps) {
  const titleId = useId();
  const className = `tile tile-${kind} span-${width} is-${view.status}`;
  return (
    <section className={className} aria-labelledby={titleId}>
      <header className="tile-head">
        <h2 className="tile-title" id={titleId} title={description}>
          {title}
        </h2>
        <div className="tile-actions">{actions}</div>
        <Freshness view={view} />
      </header>
      <div className="tile-body">
        <TileBody view={view} empty={empty}>
          {children}
        </TileBody>
      </div>
    </section>
  );
}

function TileBody({ view, empty, children }: Pick<TileFrameProps, 'view' | 'empty' | 'children'>) {
  const { result, status, trouble } = view;
  if (result !== undefined) {
    return (
      <>
        {status === 'failed' && trouble !== undefined && (
          <p className="tile-warning" title={trouble.remedy}>
            Not renewed: <Prose text={trouble.message} />
          </p>
        )}
        {result.rows.length === 0 ? <Notice title={empty ?? 'Nothing yet'} /> : children(result)}
      </>
    );
  }
  if (status === 'failed' && trouble !== undefined) {
    return (
      <Notice tone="bad" title={<Prose text={trouble.message} />}>
        <Prose text={trouble.remedy} />
      </Notice>
    );
  }
  if (status === 'starting') {
    return (
      <Notice title="Starting">
        <span className="progress-line" aria-hidden="true" />
        {trouble?.message}
      </Notice>
    );
  }
  return <div className="skeleton" aria-label="Waiting for the first answer" role="status" />;
}
