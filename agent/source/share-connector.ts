// The few calls by which the system connects a share with an account, behind one interface: only Windows has them.
import type { Location } from '../../lib/location.ts';
import type { Share, WindowsAccount } from './share-pattern.ts';

export interface ShareConnector {
  /** Rejects with a ConnectError when the system refuses. Where it is connected as this account already, it stays so. */
  connect(share: Share, account: WindowsAccount): Promise<void>;
  /** Ends the connection; never rejects. */
  disconnect(share: Share): Promise<void>;
  /** Where the agent's threads find the folder, as a source. */
  sourceOf(location: Location & { kind: 'unc' }): string;
}
