import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const worker = 'shared-worker';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    target: 'es2022',
    // Everything is a file of our own address: the page's content security policy allows nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: {
      // The worker is an entry beside the page, built in the same pass and with the same chunks.
      input: {
        page: join(import.meta.dirname, 'index.html'),
        [worker]: join(import.meta.dirname, 'src/live/shared-worker.ts'),
      },
      output: {
        entryFileNames: ({ name }) => (name === worker ? `${worker}.js` : 'assets/[name]-[hash].js'),
      },
      checks: { pluginTimings: false },
    },
  },
});
