// Trust put together: the authority, the tokens, and who is who.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { X509Certificate } from 'node:crypto';
import path from 'node:path';
import { AgentRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentSchema } from '../../gen/drover/v1/agent_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatJoinToken } from '../../lib/join-token.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Store } from '../store/store.ts';
import { requireDisplayName } from '../task/display-name.ts';
import { agentName } from '../task/names.ts';
import { AccessTokens, accessTokenPrefix } from './access-tokens.ts';
import { openAdminToken, type AdminToken } from './admin-token.ts';
import { newAgentId } from './agent-id.ts';
import { openAuthority, openGivenAuthority, type Authority } from './authority.ts';
import { recogniseCaller } from './audit-call.ts';
import { requireRole, type Caller } from './caller.ts';
import { readCertificateRequest } from './certificate-request.ts';
import type { Entra } from './entra.ts';
import { openEvidenceKey, type EvidenceKey } from './evidence-key.ts';
import { createIdentifier } from './identity.ts';
import { createToken, readToken, useToken } from './join-tokens.ts';
import type { AgentCertificate, JoinFacts, ServerCertificate, Trust } from './trust.ts';

/** Who has the token of the file in the data folder. */
const adminCaller: Caller = {
  name: 'admin-token',
  role: Role.ADMIN,
  kind: 'admin-token',
  expiresMs: undefined,
};

/** The most characters of an agent's name for people. */
const displayNameLengthMax = 100;

export interface TrustParts {
  /** The coordinator's data folder. */
  folder: string;
  store: Store;
  /** The same store, for what is not worth an entry of the audit log. @default the store */
  quietStore?: Store;
  clock: Clock;
  log: Logger;
  /** The operator's own certificate authority. @default one is made in the data folder */
  authorityFile?: string | undefined;
  /** The tenant whose people may sign in; undefined when there is none. */
  entra?: Entra | undefined;
}

/** Reads what the first start made in the data folder, or makes it. Throws INVALID_ARGUMENT that names a damaged file. */
export async function openTrust(parts: TrustParts): Promise<Trust> {
  const { folder, store, clock, entra, authorityFile, quietStore = store } = parts;
  const authority =
    authorityFile === undefined
      ? await openAuthority(path.join(folder, 'trust', 'authority.pem'), clock.now())
      : openGivenAuthority(authorityFile, clock.now());
  const adminTokenFile = path.join(folder, 'admin-token');
  const adminToken = openAdminToken(adminTokenFile);
  const accessTokens = new AccessTokens({ ...parts, quietStore });
  const evidenceKey = openEvidenceKey(path.join(folder, 'trust', 'evidence-key.pem'));
  return new StoredTrust({
    authority,
    adminToken,
    adminTokenFile,
    accessTokens,
    evidenceKey,
    entra,
    store,
    clock,
  });
}

interface StoredTrustParts {
  authority: Authority;
  adminToken: AdminToken;
  adminTokenFile: string;
  accessTokens: AccessTokens;
  evidenceKey: EvidenceKey;
  entra: Entra | undefined;
  store: Store;
  clock: Clock;
}

class StoredTrust implements Trust {
  readonly adminTokenFile: string;
  readonly accessTokens: AccessTokens;
  readonly evidenceKey: EvidenceKey;
  readonly entra: Entra | undefined;
  readonly #authority: Authority;
  readonly #adminToken: AdminToken;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #identify: (certificate: X509Certificate, nowMs: number) => Promise<string>;

  constructor(parts: StoredTrustParts) {
    const { authority, adminToken, store, clock } = parts;
    this.adminTokenFile = parts.adminTokenFile;
    this.accessTokens = parts.accessTokens;
    this.evidenceKey = parts.evidenceKey;
    this.entra = parts.entra;
    this.#authority = authority;
    this.#adminToken = adminToken;
    this.#store = store;
    this.#clock = clock;
    this.#identify = createIdentifier({ authorityCertificate: authority.certificate, store });
  }

  get authorityCertificate(): string {
    return this.#authority.certificate;
  }

  get authorityExpireTimeMs(): number {
    return this.#authority.expireTimeMs;
  }

  get authorityFingerprint(): string {
    return this.#authority.fingerprint;
  }

  serverCertificate(hosts: readonly string[]): Promise<ServerCertificate> {
    return this.#authority.issueServer(hosts, this.#clock.now());
  }

  async createJoinToken({ ttlMs, maxUses }: { ttlMs: number; maxUses: number }) {
    const expireTimeMs = this.#clock.now() + ttlMs;
    const secret = await createToken(this.#store, { expireTimeMs, maxUses });
    const { authorityFingerprint } = this;
    return { token: formatJoinToken({ authorityFingerprint, secret }), expireTimeMs };
  }

  async join(request: JoinFacts): Promise<AgentCertificate> {
    const { token, certificateRequest, displayName } = request;
    // What lets it in comes first: nobody without that gets the coordinator to work.
    const voucher = await this.#checkEntry(request);
    requireDisplayName(displayName, 'display_name', displayNameLengthMax);
    const key = await readCertificateRequest(certificateRequest);
    const agent = newAgentId(displayName);
    const issued = await this.#authority.issueAgent(agent, key, this.#clock.now());
    await this.#store.commit(async (transaction) => {
      const nowMs = this.#clock.now();
      if (voucher === undefined) await useToken(transaction, token, nowMs);
      if ((await transaction.agent(agent)) !== undefined)
        throw new Error(`the random agent id ${agent} exists already`);
      const createTime = timestampFromMs(nowMs);
      const message = create(AgentSchema, { name: agentName(agent), displayName, createTime });
      transaction.putAgent(agent, create(AgentRowSchema, { agent: message }));
      if (voucher === undefined) recogniseCaller(agentName(agent));
    });
    return { agent, ...issued };
  }

  /** Who vouches for an agent that joins; undefined for one that has a join token which is good. */
  async #checkEntry({ token, entraToken = '' }: JoinFacts): Promise<Caller | undefined> {
    if (entraToken === '') {
      await readToken(this.#store, token, this.#clock.now());
      return undefined;
    }
    if (token !== '') throw DroverError.invalid('entra_token', 'is given with a join token; one of the two is enough'); // oxfmt-ignore
    if (this.entra === undefined)
      throw new DroverError(
        ErrorReason.UNAUTHENTICATED,
        'this coordinator knows no tenant, so that nobody can sign in to it: agents join with a join token (drover agents invite)',
      );
    const caller = await this.entra.verify(entraToken);
    recogniseCaller(caller.name, caller.role);
    requireRole(caller, Role.ADMIN, 'letting an agent join');
    return caller;
  }

  async renew(agent: string, certificateRequest: Uint8Array): Promise<AgentCertificate> {
    const key = await readCertificateRequest(certificateRequest);
    return { agent, ...(await this.#authority.issueAgent(agent, key, this.#clock.now())) };
  }

  isAdminToken(token: string): boolean {
    return this.#adminToken.matches(token);
  }

  async identifyToken(token: string, beforeCheck?: () => void): Promise<Caller> {
    if (this.#adminToken.matches(token)) return adminCaller;
    if (token.startsWith(accessTokenPrefix)) return this.accessTokens.identify(token);
    const isSigned = token.split('.').length === 3;
    if (isSigned && this.entra !== undefined) return this.entra.verify(token, beforeCheck);
    const why = isSigned ? ', and knows no tenant whose people may sign in' : '';
    throw new DroverError(
      ErrorReason.UNAUTHENTICATED,
      `this coordinator does not know the token${why}`,
    );
  }

  identify(certificate: X509Certificate): Promise<string> {
    return this.#identify(certificate, this.#clock.now());
  }
}
