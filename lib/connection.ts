// How a client on the coordinator's machine finds it: a small file in the coordinator's data folder, written when it is
// ready. It holds paths, no secrets.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from './error.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';

export interface Connection {
  /** Such as https://127.0.0.1:7443. */
  address: string;
  /** The certificate authority's certificate, PEM. */
  authorityFile: string;
  /** The administrator's token, readable by the owner only. */
  tokenFile: string;
}

export const connectionFileName = 'connection.json';

/** Reads what the coordinator with this data folder wrote; throws NOT_FOUND with what to do. */
export function readConnection(dataFolder: string): Connection {
  const file = path.join(dataFolder, connectionFileName);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Connection;
  } catch (cause) {
    throw new DroverError(
      ErrorReason.NOT_FOUND,
      `there is no coordinator's ${connectionFileName} in ${dataFolder}; start the coordinator there, ` +
        'or say where it is with --coordinator, --authority-file and --token-file',
      { cause, metadata: { file } },
    );
  }
}
