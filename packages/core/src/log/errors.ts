import { errorsOf } from '../base/index.ts';
import type { ErrorDefinition } from '../base/index.ts';

/** Every failure of the log, with what the caller may do about it. */
export const LOG_ERRORS = {
  LOG_CLOSED: {
    kind: 'aborted',
    cause: 'The log is closed.',
    remedy: 'Open the log again; nothing that was acknowledged is lost.',
  },
  LOG_LOCKED: {
    kind: 'config',
    cause: 'Another process has this data folder open.',
    remedy: 'Stop the process named in the details, or give this one another data folder.',
  },
  LOG_FOLDER_UNUSABLE: {
    kind: 'config',
    cause: 'The data folder cannot be used.',
    remedy: 'Check that the folder’s disk works and that this user may read and write in it.',
  },
  LOG_UNSUPPORTED_FORMAT: {
    kind: 'config',
    cause: 'The data folder was written by a newer version of the log.',
    remedy: 'Start the version that wrote it, or a newer one.',
  },
  LOG_NO_SUCH_TOPIC: {
    kind: 'input',
    cause: 'There is no such topic.',
    remedy: 'Create the topic first, or correct its name.',
  },
  LOG_NO_SUCH_PARTITION: {
    kind: 'input',
    cause: 'The topic has no such partition.',
    remedy: 'Use a partition below the topic’s number of partitions.',
  },
  LOG_INVALID_TOPIC: {
    kind: 'input',
    cause: 'The topic’s name or configuration is not valid.',
    remedy: 'Names have 1 to 249 letters, digits, dots, dashes and underscores; partitions are at least 1.',
  },
  LOG_KEY_REQUIRED: {
    kind: 'input',
    cause: 'A record without a key was appended to a compacted topic.',
    remedy: 'Give each record the key whose newest value it is, or use a topic with cleanup delete.',
  },
  LOG_UNSUPPORTED_COMPRESSION: {
    kind: 'config',
    cause: 'This machine cannot compress or decompress as the topic asks for.',
    remedy: 'Use one of the ways in the details, or the Node that Millrace brings: it has gzip and zstd.',
  },
  LOG_KEYED_TOPIC: {
    kind: 'input',
    cause: 'The partitions of a keyed topic cannot be changed: keys would move and lose their order.',
    remedy: 'Make a new topic with more partitions and copy the records to it.',
  },
  LOG_OFFSET_OUT_OF_RANGE: {
    kind: 'input',
    cause: 'The offset is below the first record that is kept, or above the end of the partition.',
    remedy:
      'Go on from an offset within the range in the details; records below it were deleted by retention.',
  },
  LOG_BATCH_TOO_LARGE: {
    kind: 'input',
    cause: 'A batch is larger than the log takes.',
    remedy: 'Split it into several batches below the limit in the details.',
  },
  LOG_EMPTY_COMMIT: {
    kind: 'input',
    cause: 'A commit holds neither records nor group offsets, or one of its batches has no record.',
    remedy: 'Leave out empty batches; do not commit when there is nothing to commit.',
  },
  LOG_BACKPRESSURE: {
    kind: 'transient',
    cause: 'More bytes wait to become durable than the log may hold.',
    remedy: 'Send again after the time given; if it persists, the disk is slower than the input.',
  },
  LOG_DISK_FULL: {
    kind: 'transient',
    cause: 'The disk has no space left; nothing of the commit was stored.',
    remedy: 'Free space on the disk or shorten the retention; accepting resumes by itself.',
  },
  LOG_SYNC_FAILED: {
    kind: 'fatal',
    cause: 'The disk did not confirm that data is durable; the log has stopped accepting.',
    remedy: 'Check the disk (system log, SMART), then start again; what was acknowledged is recovered.',
  },
  LOG_WRITE_FAILED: {
    kind: 'fatal',
    cause: 'The disk refused to write; the log has stopped accepting.',
    remedy:
      'Check the disk and the folder’s permissions, then start again; what was acknowledged is recovered.',
  },
  LOG_READ_FAILED: {
    kind: 'transient',
    cause: 'The disk refused to read.',
    remedy: 'Check the disk (system log, SMART); reading is tried again.',
  },
  LOG_CORRUPT_SEGMENT: {
    kind: 'fatal',
    cause: 'A segment file was damaged; the partition cannot be read at that place.',
    remedy:
      'Restore the file named in the details from a backup, or call deleteRecordsBefore with the offset after ' +
      'the damage to give up what lies before it. Other partitions are not affected.',
  },
  LOG_CORRUPT_JOURNAL: {
    kind: 'config',
    cause: 'The journal was damaged before its end: acknowledged records would be lost by going on.',
    remedy: 'Restore the file named in the details from a backup. Nothing was changed in the folder.',
  },
  LOG_CORRUPT_METADATA: {
    kind: 'config',
    cause: 'The checkpoint file of the log was damaged.',
    remedy: 'Restore the file named in the details from a backup. Nothing was changed in the folder.',
  },
  LOG_INVALID_BATCH: {
    kind: 'fatal',
    cause: 'Bytes that should be a record batch are none.',
    remedy: 'The details say what was found; bytes that come from a log of this version always decode.',
  },
} as const satisfies Readonly<Record<string, ErrorDefinition>>;

export const logError = errorsOf(LOG_ERRORS);
