// What clients say of a file beside its content: its times and what to do when its name is taken.
import { DriveError } from '../drive/drive-error.ts';
import type { ConflictBehavior, FileTimes } from '../drive/place-file.ts';
import { objectOf, textOf, type JsonObject } from './request-body.ts';

// What the service takes: no numeric offset, and not the seven digits that .NET writes.
const timeFormat = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z$/;

/** The fileSystemInfo of a body. Throws DriveError when a time is malformed. */
export function fileTimes(body: JsonObject): FileTimes {
  const info = objectOf(body, 'fileSystemInfo');
  if (info === undefined) return {};
  return {
    createdMs: timeOf(info, 'createdDateTime'),
    modifiedMs: timeOf(info, 'lastModifiedDateTime'),
  };
}

function timeOf(info: JsonObject, name: string): number | undefined {
  const text = textOf(info, name);
  if (text === undefined) return undefined;
  const timeMs = timeFormat.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs))
    throw new DriveError('invalidRequest', `The value of fileSystemInfo/${name} is not a time.`);
  return timeMs;
}

const annotations = ['@microsoft.graph.conflictBehavior', '@name.conflictBehavior'];

/** The conflict behaviour of a body, under its present or its old name. */
export function conflictOf(body: JsonObject): ConflictBehavior | undefined {
  return annotations.map((name) => asConflict(textOf(body, name))).find((found) => found);
}

/** The conflict behaviour of a query. */
export function conflictOfQuery(query: URLSearchParams): ConflictBehavior | undefined {
  return annotations.map((name) => asConflict(query.get(name) ?? undefined)).find((found) => found);
}

function asConflict(text: string | undefined): ConflictBehavior | undefined {
  const wanted = text?.toLowerCase();
  if (wanted === undefined || wanted === '') return undefined;
  if (wanted === 'fail' || wanted === 'rename' || wanted === 'replace') return wanted;
  throw new DriveError('invalidRequest', `There is no conflictBehavior ${text}.`);
}
