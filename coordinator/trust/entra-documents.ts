// What Entra ID publishes about a tenant: who it is as an issuer of tokens, and the keys it signs them with.
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import { request, type Dispatcher } from 'undici';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { createDispatcher, readText } from '../../lib/http-dispatcher.ts';
import type { Clock } from '../../lib/time.ts';
import type { CompiledEntraOptions } from './entra-options.ts';

/** What is known of the tenant. */
export interface EntraDocuments {
  /** Exactly what stands in its tokens as their issuer. */
  issuer: string;
  tenantId: string;
  /** Finds the key that a token says it is signed with; fetches the keys anew when it is not among those that are known. */
  findKey: JWTVerifyGetKey;
}

export interface EntraDocumentsParts {
  options: CompiledEntraOptions;
  clock: Clock;
  /** After the keys were fetched, they are not fetched again for so long, whatever tokens say. @default 30 seconds */
  cooldownMs?: number;
}

const answerTimeoutMs = 10_000;
const answerBytesMax = 1024 * 1024;
const connectTimeoutMs = 5000;
const cooldownMsDefault = 30_000;
/** Keys are fetched anew after so long even when none is missing: one that was withdrawn is to be forgotten. */
const keysAgeMsMax = 60 * 60 * 1000;
/** A tenant's issuer and the place of its keys do not change from one day to the next. */
const documentAgeMsMax = 24 * 60 * 60 * 1000;
/** After a failure nobody asks again for so long. */
const failurePauseMs = 5000;
const issuerPattern = /^https:\/\/[^/]+\/([0-9a-f-]{36})\/v2\.0$/i;

/** Answers with a function that fetches the documents, or knows them. It throws UNAVAILABLE with what is in the way. */
export function createDocuments(parts: EntraDocumentsParts) {
  const { options, clock } = parts;
  const { authorities, proxy } = options;
  const route = { proxyUrl: proxy?.url, noProxy: proxy?.except, authorities };
  const dispatcher = createDispatcher(route, { connectTimeoutMs });
  let known: { documents: Promise<EntraDocuments>; untilMs: number } | undefined;
  const get = (): Promise<EntraDocuments> => {
    if (known !== undefined && clock.steady() < known.untilMs) return known.documents;
    const documents = fetchDocuments(parts, dispatcher);
    const entry = { documents, untilMs: clock.steady() + documentAgeMsMax };
    known = entry;
    documents.catch(() => (entry.untilMs = clock.steady() + failurePauseMs));
    return documents;
  };
  return { get, close: () => dispatcher.close() };
}

async function fetchDocuments(
  { options, cooldownMs }: EntraDocumentsParts,
  dispatcher: Dispatcher,
): Promise<EntraDocuments> {
  const { authorityUrl, tenant } = options;
  const url = `${authorityUrl}/${tenant}/v2.0/.well-known/openid-configuration`;
  const document = await fetchJson(url, dispatcher);
  const { issuer, jwks_uri: keysUrl } = document;
  const tenantId = typeof issuer === 'string' ? issuerPattern.exec(issuer)?.[1] : undefined;
  if (typeof issuer !== 'string' || tenantId === undefined)
    throw unusable(url, 'it names no issuer of one tenant');
  const keys = typeof keysUrl === 'string' ? URL.parse(keysUrl) : null;
  if (keys?.protocol !== 'https:') throw unusable(url, 'it does not say where the keys are');
  const findKey = createRemoteJWKSet(keys, {
    cooldownDuration: cooldownMs ?? cooldownMsDefault,
    cacheMaxAge: keysAgeMsMax,
    timeoutDuration: answerTimeoutMs,
    [customFetch]: async (address) => Response.json(await fetchJson(address, dispatcher)),
  });
  return { issuer, tenantId: tenantId.toLowerCase(), findKey };
}

async function fetchJson(url: string, dispatcher: Dispatcher): Promise<Record<string, unknown>> {
  const { host } = new URL(url);
  let answer: { status: number; text: string };
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    answer = { status: statusCode, text: await readText(body, answerBytesMax) };
  } catch (cause) {
    throw new DroverError(
      ErrorReason.UNAVAILABLE,
      `the sign-in cannot be checked, because ${host} cannot be reached from the coordinator: ${causeOf(cause)}; a token of the coordinator works meanwhile`,
      { cause, metadata: { host } },
    );
  }
  if (answer.status !== 200) throw unusable(url, `it answers with HTTP status ${answer.status}`);
  try {
    const value: unknown = JSON.parse(answer.text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw unusable(url, 'it answers with something else than JSON');
}

function unusable(url: string, why: string): DroverError {
  return new DroverError(
    ErrorReason.UNAVAILABLE,
    `the sign-in cannot be checked, because ${url} is of no use: ${why}; a token of the coordinator works meanwhile`,
    { metadata: { url } },
  );
}

function causeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = (thrown as NodeJS.ErrnoException).code;
  return thrown.message || code || thrown.name;
}
