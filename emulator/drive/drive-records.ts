// The lines of a drive's log, and what they come to when all are read.
import type { ItemRecord } from './item.ts';
import { readRecords, RecordLog, type LogExtent } from './record-log.ts';

/** One line of a drive's log. The last of an item, or of a session, is what holds. */
export type DriveRecord =
  | { kind: 'item'; item: ItemRecord }
  | { kind: 'sequence'; sequence: number }
  | { kind: 'session'; session: { guid: string } }
  | { kind: 'session-end'; guid: string };

/** What a log says. */
export interface DriveRecords {
  /** By GUID. */
  items: Map<string, ItemRecord>;
  /** Upload sessions that were open at the end of the last process, by GUID. */
  sessions: Map<string, { guid: string }>;
  /** The sequence of the last change. */
  sequence: number;
  extent: LogExtent;
}

/** Reads a log. */
export function loadRecords(file: string): DriveRecords {
  const items: DriveRecords['items'] = new Map();
  const sessions: DriveRecords['sessions'] = new Map();
  let sequence = 0;
  const extent = readRecords(file, (line) => {
    const record = line as DriveRecord;
    switch (record.kind) {
      case 'item':
        items.set(record.item.guid, record.item);
        sequence = Math.max(sequence, record.item.sequence);
        break;
      case 'session':
        sessions.set(record.session.guid, record.session);
        break;
      case 'session-end':
        sessions.delete(record.guid);
        break;
      case 'sequence':
        sequence = Math.max(sequence, record.sequence);
    }
  });
  return { items, sessions, sequence, extent };
}

/** Opens a log behind what was read of it; one that is mostly out of date is written anew. */
export function openLog(file: string, records: DriveRecords): RecordLog {
  const { items, sessions, extent } = records;
  return extent.lines < 2 * (items.size + sessions.size)
    ? RecordLog.reopen(file, extent.lengthBytes)
    : RecordLog.rewrite(file, currentRecords(records));
}

function* currentRecords({ items, sessions, sequence }: DriveRecords): Generator<DriveRecord> {
  yield { kind: 'sequence', sequence };
  for (const session of sessions.values()) yield { kind: 'session', session };
  for (const item of items.values()) yield { kind: 'item', item };
}
