// Where messages come in at a coordinator, and how each is pestered.
import { create, fromBinary, toBinary, type DescMethod } from '@bufbuild/protobuf';
import { apiFiles } from '../gen/api.ts';
import { BatchResultsSchema, ScanPageSchema } from '../gen/drover/v1/columns_pb.ts';
import {
  AgentSessionService,
  AttachRequestSchema,
  AttachResponseSchema,
  BatchDoneSchema,
  HelloSchema,
  ScanPageFrameSchema,
  type LeaseKey,
} from '../gen/drover/v1/session_pb.ts';
import type { Random } from './chaos-random.ts';
import { framed, type Answer, type FuzzClient } from './fuzz-client.ts';
import { damage, randomBytes, randomMessage, type Dictionary } from './fuzz-messages.ts';

/** One way in. */
export interface Entry {
  name: string;
  /** Sends one message, or a few; answers with how many and what came back. */
  pester(client: FuzzClient, random: Random): Promise<{ messages: number; answer: Answer }>;
}

/** The most frames of one stream. */
const framesMax = 24;
const framesOfFlood = 20_000;
const framesAtOnce = 100;

/** One for each method that is called once, or answers with a stream. */
export function callEntries(words: Dictionary): Entry[] {
  const methods = apiFiles.flatMap(({ services }) => services.flatMap((service) => service.methods)); // oxfmt-ignore
  return methods
    .filter((method) => method.methodKind === 'unary' || method.methodKind === 'server_streaming')
    .map((method) => ({
      name: `${method.parent.typeName}/${method.name}`,
      pester: async (client, random) => {
        const answer = await callOnce(client, method, random, words);
        return { messages: 1, answer };
      },
    }));
}

/** The stream of an agent. */
export const sessionEntry: Entry = {
  name: `${AgentSessionService.typeName}/${AgentSessionService.method.attach.name}`,
  pester: async (client, random) => {
    const path = `/${AgentSessionService.typeName}/${AgentSessionService.method.attach.name}`;
    const length = random.between(1, framesMax);
    let messages = 0;
    const answer = await client.converse(path, (received) => {
      if (messages === length) return undefined;
      messages += 1;
      const isFirst = messages === 1;
      if (isFirst && random.chance(0.9)) return hello(random);
      return frame(random, leasesOf(received));
    });
    return { messages, answer };
  },
};

/** Small frames without end, each of them right. */
export const floodEntry: Entry = {
  name: `${sessionEntry.name} (a flood of small frames)`,
  pester: async (client, random) => {
    const path = `/${AgentSessionService.typeName}/${AgentSessionService.method.attach.name}`;
    const heartbeat = create(AttachRequestSchema, { frame: { case: 'heartbeat', value: {} } });
    const many = Buffer.concat(Array.from({ length: framesAtOnce }, () => framed(toBinary(AttachRequestSchema, heartbeat)))); // oxfmt-ignore
    let messages = 0;
    const answer = await client.converse(path, () => {
      if (messages > framesOfFlood) return undefined;
      messages += messages === 0 ? 1 : framesAtOnce;
      return messages === 1 ? hello(random) : many;
    });
    return { messages, answer };
  },
};

function callOnce(client: FuzzClient, method: DescMethod, random: Random, words: Dictionary) {
  const path = `/${method.parent.typeName}/${method.name}`;
  const message = randomMessage(method.input, random, words);
  const body = random.chance(0.4) ? damage(message, random) : message;
  const isUnary = method.methodKind === 'unary';
  const way = random.next();
  // What frames a message can be wrong too, and so can what says how it is encoded.
  if (way < 0.1) return client.call(path, damage(framed(body), random));
  if (isUnary && way < 0.2) return client.call(path, body, { 'content-type': 'application/proto' });
  if (isUnary && way < 0.3)
    return client.call(path, damage(jsonLike(method, random), random), { 'content-type': 'application/json' }); // oxfmt-ignore
  if (way < 0.32)
    return client.call(path, framed(body), { 'content-type': random.pick(['application/grpc+json', 'application/grpc-web', 'text/plain', '']) }); // oxfmt-ignore
  if (way < 0.34) {
    const text = jsonLike(method, random);
    const type = random.pick(['application/grpc+json', 'application/grpc-web+json']);
    return client.call(path, framed(random.chance(0.5) ? damage(text, random) : text), { 'content-type': type }); // oxfmt-ignore
  }
  return client.call(path, framed(body));
}

/** Text with the names of the fields, and values of any kind. */
function jsonLike({ input }: DescMethod, random: Random): Uint8Array {
  const values = ['"x"', '""', '-1', '1e999', 'null', '[]', '{}', 'true', '"\\u0000"', '[[[[[[]]]]]]', '{"a":{"a":{}}}', '"\\ud83d"', '"😀"', '😀']; // oxfmt-ignore
  const members = input.fields.map(({ jsonName }) => `"${jsonName}":${random.pick(values)}`);
  return Buffer.from(`{${members.join(',')}}`);
}

function hello(random: Random): Buffer {
  const value = create(HelloSchema, {
    version: '0.1.0',
    platform: 'linux/x64',
    slots: random.between(1, 8),
    locationKinds: ['file'],
  });
  const request = create(AttachRequestSchema, { frame: { case: 'hello', value } });
  return framed(toBinary(AttachRequestSchema, request));
}

/** Often about a lease that the agent holds, because what it does not hold is not looked into. */
function frame(random: Random, leases: readonly LeaseKey[]): Buffer {
  const words = leases.map(({ lease }) => lease);
  const way = random.next();
  const key = leases.length === 0 ? undefined : random.pick(leases);
  let message: Uint8Array;
  if (key !== undefined && way < 0.3) {
    const items = mayBeDamaged(randomMessage(ScanPageSchema, random, []), random);
    const value = create(ScanPageFrameSchema, { key, page: BigInt(random.between(1, 3)), items });
    message = toBinary(AttachRequestSchema, create(AttachRequestSchema, { frame: { case: 'scanPage', value } })); // oxfmt-ignore
  } else if (key !== undefined && way < 0.5) {
    const results = mayBeDamaged(randomMessage(BatchResultsSchema, random, []), random);
    const value = create(BatchDoneSchema, { key, results, partial: random.chance(0.5) });
    message = toBinary(AttachRequestSchema, create(AttachRequestSchema, { frame: { case: 'batchDone', value } })); // oxfmt-ignore
  } else message = mayBeDamaged(randomMessage(AttachRequestSchema, random, words), random);
  if (random.chance(0.03)) return damage(framed(message), random) as Buffer;
  if (random.chance(0.01)) return framed(randomBytes(random, 200_000));
  return framed(message);
}

function mayBeDamaged(bytes: Uint8Array, random: Random): Uint8Array {
  return random.chance(0.3) ? damage(bytes, random) : bytes;
}

/** The leases that were given on a stream. */
function leasesOf(received: readonly Buffer[]): LeaseKey[] {
  return received.flatMap((bytes) => {
    const { frame: given } = fromBinary(AttachResponseSchema, bytes);
    return given.case === 'scanLease' || given.case === 'batchLease' ? [given.value.key!] : [];
  });
}
