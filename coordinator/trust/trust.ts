// Who may do what: certificates, join tokens, identities and roles. What the rest of the coordinator sees of it.
import type { X509Certificate } from 'node:crypto';
import type { AccessTokens } from './access-tokens.ts';
import type { Caller } from './caller.ts';
import type { Entra } from './entra.ts';
import type { EvidenceKey } from './evidence-key.ts';

/** A certificate and its key, PEM, for the TLS server. */
export interface ServerCertificate {
  /** The server's certificate, followed by the authority's. */
  certificateChain: string;
  privateKey: string;
}

/** A certificate that was given to an agent. */
export interface AgentCertificate {
  /** The agent's id, without `agents/`. */
  agent: string;
  /** PEM. */
  certificate: string;
  /** Milliseconds since 1970. */
  expireTimeMs: number;
}

/** What an agent joins with. */
export interface JoinFacts {
  /** A join token, or its secret; empty where somebody vouches for the agent. */
  token: string;
  /** An access token of Entra ID for this coordinator, in place of a join token. */
  entraToken?: string;
  certificateRequest: Uint8Array;
  displayName: string;
}

export interface Trust {
  /** The authority's certificate, PEM, followed by those above it up to the root. */
  readonly authorityCertificate: string;
  /** Lower-case hexadecimal SHA-256 of the root's certificate in DER: of what agents and administrators trust. */
  readonly authorityFingerprint: string;
  /** When the authority ends, in milliseconds since 1970. */
  readonly authorityExpireTimeMs: number;
  /** Where the administrator's token stands, readable by the owner only. */
  readonly adminTokenFile: string;
  readonly accessTokens: AccessTokens;
  /** Signs evidence of runs. */
  readonly evidenceKey: EvidenceKey;
  /** Sign-in of people and programs of a tenant; undefined when the coordinator knows none. */
  readonly entra: Entra | undefined;
  /** A new server certificate for these host names and addresses. */
  serverCertificate(hosts: readonly string[]): Promise<ServerCertificate>;
  /** Creates a join token and stores its hash; answers with the token as an agent takes it. */
  createJoinToken(options: {
    ttlMs: number;
    maxUses: number;
  }): Promise<{ token: string; expireTimeMs: number }>;
  /**
   * Makes a new agent, which a join token lets in, once, or somebody with the role of an admin. Throws JOIN_TOKEN_INVALID, _USED or _EXPIRED,
   * INVALID_ARGUMENT, or what the sign-in of that somebody is refused with.
   */
  join(request: JoinFacts): Promise<AgentCertificate>;
  /** A new certificate for an agent that showed a valid one. */
  renew(agent: string, certificateRequest: Uint8Array): Promise<AgentCertificate>;
  /** Whether the bearer token of a request is the administrator's; takes the same time whatever it is. */
  isAdminToken(token: string): boolean;
  /**
   * Whose token it is: the administrator's, an access token, or one of the tenant. Throws UNAUTHENTICATED with what is wrong with it, or
   * UNAVAILABLE when that cannot be found out. `beforeCheck` is called before something dearer than a look; it may throw.
   */
  identifyToken(token: string, beforeCheck?: () => void): Promise<Caller>;
  /**
   * The id of the agent whose certificate a TLS peer showed. Throws UNAUTHENTICATED when it is not one of this authority, is
   * not in time, or when the agent is not known any more.
   */
  identify(certificate: X509Certificate): Promise<string>;
}
