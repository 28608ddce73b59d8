import type { AlertsReport } from 'millrace/wire';
import { useConnectionStatus, useReport } from './live/use-live.ts';
import { AlertsPage } from './pages/alerts-page.tsx';
import { DashboardPage } from './pages/dashboard-page.tsx';
import { ExplorePage } from './pages/explore-page.tsx';
import { PipelinePage } from './pages/pipeline-page.tsx';
import { ConnectionState } from './parts/connection-state.tsx';
import { Link } from './parts/link.tsx';
import { Notice } from './parts/notice.tsx';
import { ThemeSwitch } from './parts/theme-switch.tsx';
import { useRoute, type Route } from './router.ts';
import { alertTitle } from './tiles/alert-state.ts';

export function App() {
  const route = useRoute();
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Header route={route} />
      <main id="main" tabIndex={-1}>
        <Page route={route} />
      </main>
    </>
  );
}

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'dashboard':
      return <DashboardPage name={route.name} />;
    case 'explore':
      return <ExplorePage />;
    case 'alerts':
      return <AlertsPage />;
    case 'pipeline':
      return <PipelinePage />;
    case 'unknown':
      return (
        <>
          <h1>Nothing here</h1>
          <Notice title="This address leads to no page">
            <Link href="/">To the dashboard</Link>
          </Notice>
        </>
      );
  }
}

const pages = [
  { page: 'dashboard', href: '/', title: 'Dashboard' },
  { page: 'explore', href: '/explore', title: 'Explore' },
  { page: 'alerts', href: '/alerts', title: 'Alerts' },
  { page: 'pipeline', href: '/pipeline', title: 'Pipeline' },
] as const;

function Header({ route }: { readonly route: Route }) {
  const { hello } = useConnectionStatus();
  const { report } = useReport<AlertsReport>('alerts');
  const firing = (report?.alerts ?? [])
    .filter(({ phase }) => phase === 'firing')
    .map(({ name }) => alertTitle(name));
  return (
    <header className="header">
      <div className="header-inner">
        <Link className="brand" href="/">
          <Mark />
          <span className="brand-name">Millrace</span>
          {hello !== undefined && <span className="brand-project">{hello.project}</span>}
        </Link>
        <nav className="nav" aria-label="Pages">
          {pages.map(({ page, href, title }) => (
            <Link
              key={page}
              href={href}
              className="nav-link"
              aria-current={route.page === page ? 'page' : undefined}
            >
              {title}
              {page === 'alerts' && firing.length > 0 && (
                <span className="badge" title={`${firing.join(', ')} firing`}>
                  {firing.length}
                  <span className="hidden"> firing</span>
                </span>
              )}
            </Link>
          ))}
        </nav>
        <div className="header-end">
          <ConnectionState />
          <ThemeSwitch />
        </div>
      </div>
      <p className="hidden" role="status">
        {firing.length > 0 && `Firing: ${firing.join(', ')}`}
      </p>
    </header>
  );
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M5 12c3.700 0 3.700 3 7.300 3s3.700-3 7.300-3 3.700 3 7.400 3" />
      <path className="mark-low" d="M5 19c3.700 0 3.700 3 7.300 3s3.700-3 7.300-3 3.700 3 7.400 3" />
    </svg>
  );
}
