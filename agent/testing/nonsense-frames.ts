// Frames that no coordinator in its right mind would send: made from the schema with values from the edges, often about leases that the
// agent holds and places that are there, and then damaged. The same chance makes the same frames. What they name as destination always
// lies in one folder, because everything in a destination is an agent's to write.
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'; // oxfmt-ignore
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import {
  AcknowledgementSchema,
  AttachResponseSchema,
  BatchLeaseSchema,
  LeaseKeySchema,
  LeaseRevocationSchema,
  LocationCheckSchema,
  ScanLeaseSchema,
  WelcomeSchema,
  type AttachResponse,
  type LeaseKey,
} from '../../gen/drover/v1/session_pb.ts';
import type { Random } from '../../scripts/chaos-random.ts';
import {
  damage,
  randomBytes,
  randomMessage,
  type Dictionary,
} from '../../scripts/fuzz-messages.ts';

export interface NonsensePlaces {
  /** Where a lease may read; others are refused. */
  sources: readonly string[];
  /** Where a lease may write. */
  destinations: readonly string[];
  /** Names of items. */
  paths: readonly string[];
}

/** No place: what is refused before anything is opened. */
const nowhere = ['', 'x', '\0', 'file:///a%00b', 'https://contoso.sharepoint.com/sites/x', '\\\\server\\share', 'y'.repeat(5000)]; // oxfmt-ignore
const leasesAtOnce = 6;

/** The bytes of one frame. */
export function nonsenseFrame(random: Random, places: NonsensePlaces): Uint8Array {
  const way = random.next();
  if (way < 0.01) return randomBytes(random, random.between(1, 300));
  const frame = create(AttachResponseSchema, { frame: valueOf(random, places) });
  const bytes = toBinary(AttachResponseSchema, frame);
  if (way < 0.9) return bytes;
  const damaged = damage(bytes, random);
  return isHarmless(damaged, places) ? damaged : bytes;
}

function valueOf(random: Random, places: NonsensePlaces): AttachResponse['frame'] {
  const way = random.next();
  const words = [...places.paths, ...places.sources];
  const key = keyOf(random);
  if (way < 0.4) {
    const value = anyOf(BatchLeaseSchema, random, words);
    value.source = sourceOf(random, places);
    value.destination = destinationOf(random, places);
    if (random.chance(0.95)) value.key = key;
    const items = randomMessage(BatchItemsSchema, random, places.paths);
    if (random.chance(0.9)) value.items = random.chance(0.3) ? damage(items, random) : items;
    return { case: 'batchLease', value };
  }
  if (way < 0.6) {
    const value = anyOf(ScanLeaseSchema, random, words);
    value.source = sourceOf(random, places);
    value.destination = destinationOf(random, places);
    if (random.chance(0.95)) value.key = key;
    return { case: 'scanLease', value };
  }
  if (way < 0.75) {
    const value = anyOf(AcknowledgementSchema, random, []); // oxfmt-ignore
    if (random.chance(0.9)) value.key = key;
    return { case: 'acknowledgement', value };
  }
  if (way < 0.9) {
    const value = anyOf(LeaseRevocationSchema, random, []); // oxfmt-ignore
    if (random.chance(0.9)) value.key = key;
    return { case: 'leaseRevocation', value };
  }
  if (way < 0.95) {
    const value = anyOf(LocationCheckSchema, random, []);
    value.destination = destinationOf(random, places);
    return { case: 'locationCheck', value };
  }
  return random.chance(0.5) ? { case: 'welcome', value: create(WelcomeSchema) } : { case: undefined }; // oxfmt-ignore
}

/** A random message that can be read; with a field that nobody knows it may be none. */
function anyOf<D extends DescMessage>(desc: D, random: Random, words: Dictionary): MessageShape<D> {
  for (;;) {
    try {
      return fromBinary(desc, randomMessage(desc, random, words));
    } catch {
      // the next one may be
    }
  }
}

/** One of a few, so that frames are about leases that there are. */
function keyOf(random: Random): LeaseKey {
  const number = random.between(1, leasesAtOnce);
  const lease = random.chance(0.5) ? `tasks/a/runs/1/batches/${number}` : `tasks/${number}/runs/1/scan`; // oxfmt-ignore
  return create(LeaseKeySchema, { lease, generation: random.between(1, 9) });
}

function sourceOf(random: Random, { sources }: NonsensePlaces): string {
  return random.chance(0.9) ? random.pick(sources) : random.pick(nowhere);
}

function destinationOf(random: Random, { destinations }: NonsensePlaces): string {
  return random.chance(0.95) ? random.pick(destinations) : random.pick(nowhere);
}

/** Whether a frame that was damaged names no destination but those that are meant. */
function isHarmless(bytes: Uint8Array, { destinations }: NonsensePlaces): boolean {
  try {
    const { frame } = fromBinary(AttachResponseSchema, bytes);
    const isLease = frame.case === 'batchLease' || frame.case === 'scanLease';
    return !isLease || [...destinations, ...nowhere].includes(frame.value.destination);
  } catch {
    return true;
  }
}
