// What the questions of the set-up are asked with.
import type { Clock } from '../../lib/time.ts';
import type { Identity } from '../link/identity.ts';
import type { Environment } from '../options.ts';
import type { AgentSettingsFile } from '../settings-file.ts';
import type { ShareConnector } from '../source/share-connector.ts';
import type { Vault, VaultKeyPlaces } from '../vault/vault.ts';
import type { Asker } from './asker.ts';
import type { Given } from './given.ts';

export interface SetUpParts {
  asker: Asker;
  given: Given;
  /** Where the data folder is when nobody says anything. */
  usualDataFolder: string;
  /** Where the key of the vault is. */
  keyPlaces: Omit<VaultKeyPlaces, 'dataFolder'>;
  environment: Environment;
  /** Join anew although the agent has joined. */
  joinAgain: boolean;
  /** Undefined where shares are mounted. */
  shares: ShareConnector | undefined;
  clock: Clock;
  signal: AbortSignal;
}

/** What the questions are asked with. */
export interface SetUpContext extends SetUpParts {
  dataFolder: string;
  vault: Vault;
  /** What the agent was set up to before. */
  before: AgentSettingsFile | undefined;
  identity: Identity | undefined;
  /** Undoes what had to be done in between, when the set-up does not come to its end. */
  onBrokenOff(undo: () => void): void;
}
