import { type FileSystem, readWhole } from '../base/index.ts';
import { checkFormat } from './checkpoint.ts';
import type { Checksum } from './checksum.ts';
import { logError } from './errors.ts';
import { findFrame, frameAt, frameVersion, type JournalFrame } from './journal-frame.ts';
import { journalPath } from './journal.ts';

/** A frame that is to be applied, and where it lies. */
export interface FoundFrame {
  readonly number: number;
  readonly position: number;
  readonly frame: JournalFrame;
}

export interface JournalReading {
  readonly files: FileSystem;
  readonly journalFolder: string;
  readonly checksum: Checksum;
  readonly logId: Uint8Array;
  /** The file. */
  readonly number: number;
  /** Sequence of the first frame that is wanted: those before it are left out. */
  readonly next: number;
  readonly visit: (found: FoundFrame) => void;
}

/**
 * Visits the wanted frames of one journal file; returns the sequence that must come next, in a later file.
 * `LOG_CORRUPT_JOURNAL` when a frame is there but one before it is not.
 */
export async function readJournalFile(reading: JournalReading): Promise<number> {
  const { number, visit, checksum, logId } = reading;
  const path = journalPath(reading.journalFolder, number);
  const bytes = (await readWhole(reading.files, path)) ?? new Uint8Array(0);
  const check = { logId, checksum };
  let { next } = reading;
  let position = 0;
  for (let frame = frameAt(bytes, 0, check); frame !== undefined; frame = frameAt(bytes, position, check)) {
    checkFormat(frameVersion(frame), path);
    if (frame.sequence > next) throw corruptJournal(path, position, { expected: next, frame });
    if (frame.sequence === next) {
      visit({ number, position, frame });
      next++;
    }
    position = frame.end;
  }
  // What follows is empty, torn by a crash, or left from an earlier use of the file: nothing after `next`.
  const later = findFrame(bytes, position, { ...check, sequenceMin: next });
  if (later !== undefined) throw corruptJournal(path, position, { expected: next, frame: later });
  return next;
}

function corruptJournal(
  file: string,
  position: number,
  found: { readonly expected: number; readonly frame: JournalFrame },
): Error {
  const { expected, frame } = found;
  return logError('LOG_CORRUPT_JOURNAL', {
    message:
      `${file} is damaged at byte ${position}: frame ${expected} is not whole, but frame ` +
      `${frame.sequence} comes after it.`,
    details: { file, position, expected, found: frame.sequence },
  });
}
