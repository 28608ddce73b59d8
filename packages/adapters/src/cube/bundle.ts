import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { messageOf } from '@millrace/core/base';
import { fail } from './errors.ts';

export interface CubeBundleOptions {
  /** Where bundles are kept between starts; made when missing. Several versions may share it. */
  readonly cacheFolder: string;
  /** Another folder than `stand-ins/native` for the addon's stand-in. */
  readonly nativeStandIn?: string;
}

const folder = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const inShared = join('@cubejs-backend', 'shared', 'dist');
const dayMs = 86_400_000;

/**
 * The file of the Cube thread: our worker and all of Cube in one, 2–4 times faster to load than the package
 * tree. Made once for each version of its inputs (a second or two) and kept in `cacheFolder`.
 *
 * Throws `CUBE_BUNDLE_FAILED`.
 */
export async function bundleCubeWorker(options: CubeBundleOptions): Promise<string> {
  const key = await keyOf(options);
  const path = join(options.cacheFolder, `cube-worker-${key}.cjs`);
  try {
    await stat(path);
    return path;
  } catch {
    // Not there yet.
  }
  try {
    await mkdir(options.cacheFolder, { recursive: true });
    await build(options, path);
    await dropOld(options.cacheFolder);
    return path;
  } catch (error) {
    throw fail('CUBE_BUNDLE_FAILED', {
      message: `${path} could not be made: ${messageOf(error)}`,
      details: { path },
      cause: error,
    });
  }
}

async function build({ nativeStandIn }: CubeBundleOptions, path: string): Promise<void> {
  const esbuild = await import('esbuild');
  // Another process may make the same file now: each writes its own and the last rename wins.
  const temporary = `${path}.${process.pid}.${Date.now()}`;
  try {
    await esbuild.build({
      entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
      outfile: temporary,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node22',
      minify: true,
      keepNames: true,
      legalComments: 'none',
      logLevel: 'silent',
      external: ['bufferutil', 'utf-8-validate'],
      plugins: [standIns(nativeStandIn ?? join(folder, 'stand-ins/native'))],
    });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Storage SDKs, downloads, templates, terminals: Cube loads them, the embedded layer never calls them. */
const neverCalled = new RegExp(
  [
    '^@azure/',
    '^@aws-sdk/',
    '^@google-cloud/',
    '^@smithy/',
    '^@duckdb/',
    '^@tootallnate/quickjs-emscripten$',
    '^@cubejs-backend/(cloud|templates|dotenv)$',
    '^(codesandbox-import-utils|cross-spawn|csv-write-stream|decompress|node-fetch|shelljs|tar)$',
    '^(http-proxy-agent|http-proxy-middleware|https-proxy-agent|pac-proxy-agent|proxy-agent)$',
    '\\./renderGraphiQL$',
  ].join('|'),
);

function standIns(native: string): Plugin {
  const empty = join(folder, 'stand-ins/empty/index.js');
  return {
    name: 'stand-ins',
    setup(plugin) {
      plugin.onResolve({ filter: neverCalled }, () => ({ path: empty }));
      plugin.onResolve({ filter: /^@cubejs-backend\/native$/ }, () => ({ path: join(native, 'index.js') }));
      plugin.onResolve({ filter: /^@cubejs-backend\/cubestore$/ }, () => ({
        path: join(folder, 'stand-ins/cubestore/index.js'),
      }));
      plugin.onResolve({ filter: /^workerpool$/ }, () => ({
        path: join(folder, 'stand-ins/workerpool/index.js'),
      }));
      // Files inside a package: commands that it runs, and telemetry.
      plugin.onResolve({ filter: /^\.\/(machine-id|platform|track)$/ }, ({ importer, path: name }) =>
        importer.includes(inShared) ? { path: join(folder, 'stand-ins/shared', `${name}.js`) } : undefined,
      );
    },
  };
}

/** Everything that decides what the bundle does: our sources, the stand-ins, the installed packages. */
async function keyOf(options: CubeBundleOptions): Promise<string> {
  const hash = createHash('sha256');
  const core = dirname(fileURLToPath(import.meta.resolve('@millrace/core/base')));
  const folders = [folder, join(core, '../base'), join(core, '../semantic'), join(core, '../warehouse')];
  if (options.nativeStandIn !== undefined) folders.push(options.nativeStandIn);
  for (const each of folders) {
    const names = await readdir(each, { recursive: true });
    for (const name of names.filter(isSource).toSorted()) {
      hash.update(name).update(await readFile(join(each, name)));
    }
  }
  for (const name of [
    'server-core',
    'api-gateway',
    'query-orchestrator',
    'schema-compiler',
    'duckdb-driver',
  ]) {
    hash.update(`${name} ${versionOf(`@cubejs-backend/${name}`)}\n`);
  }
  hash.update(`esbuild ${versionOf('esbuild')}\n`).update(await installedPackages());
  return hash.digest('hex').slice(0, 16);
}

function isSource(name: string): boolean {
  return /\.(ts|js)$/.test(name) && !name.endsWith('.test.ts');
}

function versionOf(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version;
}

/**
 * npm's own record of what is installed; none under another package manager, where the versions above must
 * do.
 */
async function installedPackages(): Promise<string> {
  const core = require.resolve('@cubejs-backend/server-core/package.json');
  const lock = join(core.slice(0, core.lastIndexOf('@cubejs-backend')), '.package-lock.json');
  return await readFile(lock, 'utf8').catch(() => '');
}

/** Bundles of other versions that nobody has made for a day. */
async function dropOld(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith('cube-worker-')) continue;
    const path = join(cacheFolder, name);
    const file = await stat(path).catch(() => undefined);
    if (file !== undefined && Date.now() - file.mtimeMs > dayMs) await rm(path, { force: true });
  }
}
