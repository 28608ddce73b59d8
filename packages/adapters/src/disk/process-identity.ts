import { readFileSync } from 'node:fs';

/** Which process it is, also after its id has been given to another. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot and clock ticks since then at which the process began; empty where the system does not say. */
  readonly startedAt: string;
}

export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, startedAt: startOf(process.pid) };
}

/** False when the process has ended, or when its id belongs to another one now. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (!Number.isInteger(identity.pid) || identity.pid <= 0) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM: it exists, but belongs to another user.
    if ((error as { code?: unknown }).code !== 'EPERM') return false;
  }
  const startedAt = startOf(identity.pid);
  return startedAt === '' || identity.startedAt === '' || startedAt === identity.startedAt;
}

// Linux: field 22 of /proc/PID/stat, after the command's name, which may itself hold spaces and parentheses.
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
  } catch {
    return '';
  }
}
