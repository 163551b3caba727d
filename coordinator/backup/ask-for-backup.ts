// Asks the coordinator that runs on a data folder for a backup.
import { existsSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError, reasonByName } from '../../lib/error.ts';
import type { Backup } from './create-backup.ts';
import { doorOf, type BackupAnswer, type BackupRequest } from './door.ts';

/**
 * Has the backup made by the coordinator; undefined when none runs. Throws what the coordinator answers, and UNAVAILABLE when it ends
 * before it has answered.
 */
export async function askForBackup(
  dataFolder: string,
  to: string,
  signal?: AbortSignal,
): Promise<Backup | undefined> {
  const door = doorOf(dataFolder);
  if (door === undefined || !existsSync(door)) return undefined;
  const answer = await ask(door, { to }, readToken(dataFolder), signal);
  if (answer === undefined) return undefined;
  if ('backup' in answer) return answer.backup;
  throw new DroverError(reasonByName(answer.reason) ?? ErrorReason.UNAVAILABLE, answer.message);
}

async function ask(
  door: string,
  { to }: BackupRequest,
  token: string,
  signal: AbortSignal | undefined,
): Promise<BackupAnswer | undefined> {
  const body = JSON.stringify({ to } satisfies BackupRequest);
  const headers = { authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(body) };
  try {
    return await new Promise<BackupAnswer>((resolve, reject) => {
      const options = { socketPath: door, method: 'POST', headers, ...(signal && { signal }) };
      const request = httpRequest(options, (response) => {
        text(response).then((answer) => resolve(JSON.parse(answer) as BackupAnswer), reject);
      });
      request.on('error', reject);
      request.end(body);
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Left by a coordinator that was killed.
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
    if (signal?.aborted === true) throw error;
    throw new DroverError(ErrorReason.UNAVAILABLE, `the coordinator did not answer: ${message}`, {
      cause: error,
      metadata: { door },
    });
  }
}

function readToken(dataFolder: string): string {
  const file = path.join(dataFolder, 'admin-token');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw DroverError.invalid('--data', `${file} cannot be read; run this as the coordinator's user`, cause); // oxfmt-ignore
  }
}
