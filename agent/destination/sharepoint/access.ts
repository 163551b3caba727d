// What a thread needs to reach the tenant: plain data, which crosses to the threads with each job.
import type { HttpRoute } from '../../credential/http-route.ts';
import type { GateMemory } from './tenant-gate.ts';

export interface SharePointAccess {
  /** Microsoft Graph's address, without a path: https://graph.microsoft.com or the one of a national cloud. */
  graphUrl: string;
  route: HttpRoute;
  /** One for all threads. */
  gate: GateMemory;
  /** How many files a thread works on at once, so that all threads together keep the gate busy. */
  lanes: number;
}

/** A token for Graph. `forceRefresh`: the last one was refused. */
export type GetToken = (forceRefresh: boolean) => Promise<string>;

/** Where a thread gets its tokens from. */
export interface TokenSource {
  token(forceRefresh: boolean): Promise<{ token: string; expiresOnMs: number }>;
}

/** Writes to the agent's log; never a token or an upload's address. */
export type LogLine = (level: 'debug' | 'info' | 'warn', message: string, fields: object) => void;
