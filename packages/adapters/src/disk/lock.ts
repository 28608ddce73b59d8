import { randomUUID } from 'node:crypto';
import fsPromises, { constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isAlive, type ProcessIdentity, thisProcess } from './process-identity.ts';

const held = new Set<string>();
const withoutHardLinks: ReadonlySet<unknown> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/**
 * A lock file that names its holder. A holder that has died is recognised by its process id and start time
 * (Linux), so that a lock left by a crash, even by a process that had our own id in an earlier container, is
 * taken over.
 */
export async function takeLock(lockPath: string): Promise<() => Promise<void>> {
  const path = resolve(lockPath);
  const mine: LockContents = { ...thisProcess(), nonce: randomUUID() };
  if (held.has(path)) throw lockedBy(path, mine.pid);
  held.add(path);
  try {
    await createLock(path, mine);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    if ((await readLock(path))?.nonce === mine.nonce) await fsPromises.rm(path, { force: true });
    held.delete(path);
  };
}

interface LockContents extends ProcessIdentity {
  /** Tells this taking of the lock from every other. */
  readonly nonce: string;
}

async function createLock(path: string, mine: LockContents): Promise<void> {
  // A file that is complete before it has the lock's name: a reader never sees half of one.
  const draft = `${path}.${mine.nonce}`;
  await fsPromises.writeFile(draft, JSON.stringify(mine), { flush: true });
  try {
    while (!(await linkTo(draft, path))) {
      const holder = await readLock(path);
      if (holder === undefined) continue;
      if (isAlive(holder)) throw lockedBy(path, holder.pid);
      await setAside(path, holder);
    }
  } finally {
    await fsPromises.rm(draft, { force: true });
  }
}

/** False when the lock exists. */
async function linkTo(draft: string, path: string): Promise<boolean> {
  try {
    await fsPromises.link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!withoutHardLinks.has(codeOf(error))) throw error;
  }
  try {
    await fsPromises.copyFile(draft, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Takes the dead holder's file away. Of several that try, one wins; the others see the winner's lock next.
 */
async function setAside(path: string, dead: LockContents): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await fsPromises.rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readLock(aside);
  // Somebody else was quicker and this is their new lock: it goes back to its place.
  if (taken !== undefined && taken.nonce !== dead.nonce) await linkTo(aside, path);
  await fsPromises.rm(aside, { force: true });
}

/** Undefined when there is none. A file that is no lock counts as one whose holder is dead. */
async function readLock(path: string): Promise<LockContents | undefined> {
  let text: string;
  try {
    text = await fsPromises.readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { pid, startedAt, nonce } = JSON.parse(text) as Partial<LockContents>;
    return { pid: pid ?? 0, startedAt: startedAt ?? '', nonce: nonce ?? '' };
  } catch {
    return { pid: 0, startedAt: '', nonce: '' };
  }
}

function lockedBy(path: string, pid: number): Error {
  return Object.assign(new Error(`${path} is held by process ${pid}`), { code: 'ELOCKED', pid });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
