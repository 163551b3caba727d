// What the vault has at this moment, for an agent that runs: what another process puts in is taken up within a second or two. A vault that
// cannot be opened any more takes nothing away from what is in use.
import { isDeepStrictEqual } from 'node:util';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { AccountRule } from '../source/share-pattern.ts';
import { keptAccounts, keptApplication, type ApplicationCredential } from './kept-credentials.ts';
import type { Vault } from './vault.ts';
import { watchVault } from './vault-watch.ts';

interface Kept {
  application: ApplicationCredential | undefined;
  accounts: AccountRule[];
}

export interface FollowedVault extends Disposable {
  application(): ApplicationCredential | undefined;
  accounts(): readonly AccountRule[];
  /** Calls back when that part is another one. */
  onChange(part: keyof Kept, callback: () => void): void;
}

/** Throws VAULT_SEALED as the vault does. */
export function followVault(vault: Vault, parts: { clock: Clock; log: Logger }): FollowedVault {
  const { clock, log } = parts;
  const watchers: Record<keyof Kept, (() => void)[]> = { application: [], accounts: [] };
  let kept = readKept(vault);

  function take(): void {
    const before = kept;
    try {
      kept = readKept(vault);
    } catch (thrown) {
      const { message } = DroverError.from(thrown);
      log.error(`the credentials go on to be those of before: ${message}`);
      return;
    }
    for (const part of ['application', 'accounts'] as const) {
      if (isDeepStrictEqual(before[part], kept[part])) continue;
      log.info({ part }, 'other credentials are in the vault, and are used from now on');
      for (const tell of watchers[part]) tell();
    }
  }

  const watch = watchVault({ file: vault.file, clock, log, onChange: take });
  return {
    application: () => kept.application,
    accounts: () => kept.accounts,
    onChange: (part, callback) => void watchers[part].push(callback),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

function readKept(vault: Vault): Kept {
  return { application: keptApplication(vault), accounts: keptAccounts(vault) };
}
