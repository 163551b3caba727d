// What a coordinator's data folder holds that cannot be made again. Its other files are written at every start.
import path from 'node:path';

/** The folder of the store, below the data folder and below a backup. */
export const storeFolder = 'store';
/** Secrets, each readable by its owner only. */
export const privateFiles = [
  path.join('trust', 'authority.pem'),
  'admin-token',
  path.join('trust', 'evidence-key.pem'),
  path.join('trust', 'webhook-key'),
] as const;
