import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/tiles.css';
import './styles/chart.css';
import './styles/pages.css';
import { App } from './app.tsx';
import { LiveClient } from './live/live-client.ts';
import { LiveContext } from './live/use-live.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element #root');
createRoot(root).render(
  <LiveContext value={new LiveClient()}>
    <App />
  </LiveContext>,
);
