// One HTTP exchange as every part of the emulator sees it, whichever listener it came in by.
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** What a client asks. */
export interface Exchange {
  /** Upper case. */
  readonly method: string;
  /** The whole address as the client sees it: scheme, host as in its Host header, path and query, still encoded. */
  readonly url: URL;
  /** The path and query exactly as they were sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as it arrives; nobody reads ahead. */
  readonly body: Readable;
  /** How this very exchange is to be mistreated; see Effects. */
  readonly effects: Effects;
}

/** Faults that the handler itself has to play, because no wrapper around it could. */
export interface Effects {
  /** An Office file that arrives is rewritten, as SharePoint's property promotion does. */
  rewriteOffice?: boolean;
  /** The answer carries no hashes. */
  omitHash?: boolean;
  /** Listings leave out what is younger than this. */
  hideYoungerThanMs?: number;
  /** The upload session that is addressed is forgotten first. */
  loseSession?: boolean;
}

/** What is answered. */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** A stream is sent as it comes; undefined is an empty body. */
  body?: string | Uint8Array | Readable | undefined;
}

export type Handler = (exchange: Exchange) => Promise<Reply>;

/** Who a call is made by, as its access token says. */
export interface Principal {
  /** The application. */
  appId: string;
  appName: string;
  /** Absent when the application calls as itself. */
  user?: { id: string; principalName: string; displayName: string };
  /** Application permissions, such as Sites.ReadWrite.All; empty when a user is signed in. */
  roles: readonly string[];
  /** Delegated permissions; empty when the application calls as itself. */
  scopes: readonly string[];
}

/** Why a token is not accepted, as the two codes in Graph's 401 answer. */
export interface TokenRefusal {
  /** InvalidAuthenticationToken and the like. */
  code: string;
  message: string;
}

/**
 * Checks an Authorization header for one audience, such as https://graph.microsoft.com or https://contoso.sharepoint.com. Given to Graph
 * by the sign-in part.
 */
export type CheckToken = (
  authorization: string | undefined,
  audience: string,
) => Promise<Principal | TokenRefusal>;
