// How the agents of the bench get what they show when they attach.
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { KeyObject, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EnrollmentService } from '../gen/drover/v1/session_pb.ts';
import { parseJoinToken } from '../lib/join-token.ts';
import { Pkcs10CertificateRequestGenerator } from '../lib/x509.ts';

/** Where an agent attaches, and what it shows there; the last three are PEM. */
export interface BenchIdentity {
  address: string;
  authority: string;
  privateKey: string;
  certificate: string;
}

/** Which coordinator, and a token that lets all of them join. */
export interface JoinPlace {
  address: string;
  authorityFile: string;
  joinToken: string;
}

const joinsAtOnce = 8;

/** Lets `count` agents join. They share one key, which makes no difference to the coordinator. */
export async function joinAll(place: JoinPlace, count: number): Promise<BenchIdentity[]> {
  const { address, authorityFile, joinToken } = place;
  const authority = readFileSync(authorityFile, 'utf8');
  const { privateKey, certificateRequest } = await createRequest();
  const transport = createGrpcTransport({ baseUrl: address, nodeOptions: { ca: authority } });
  const client = createClient(EnrollmentService, transport);
  const { secret: token } = parseJoinToken(joinToken);
  const identities: BenchIdentity[] = [];
  const joinSome = async () => {
    while (identities.length < count) {
      const identity: BenchIdentity = { address, authority, privateKey, certificate: '' };
      identities.push(identity);
      const displayName = `bench ${identities.length}`;
      const answer = await client.join({ token, certificateRequest, displayName });
      identity.certificate = answer.certificate;
    }
  };
  await Promise.all(Array.from({ length: joinsAtOnce }, joinSome));
  return identities;
}

async function createRequest() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ['bench'] }],
    keys: keys as Parameters<typeof Pkcs10CertificateRequestGenerator.create>[0]['keys'],
    signingAlgorithm: algorithm,
  });
  const privateKey = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  const certificateRequest = new Uint8Array(request.rawData);
  return { privateKey: privateKey.toString(), certificateRequest };
}
