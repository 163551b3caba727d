// What a thread keeps of the tenant between jobs: connections, the last token, the drives of the sites it was in lately, and for each run
// what was found out about its destination. Two jobs of one thread may use it at once.
import type { Dispatcher } from 'undici';
import type { SharePointPlace } from '../../../lib/location.ts';
import { systemClock } from '../../../lib/time.ts';
import { createDispatcher } from '../../credential/http-route.ts';
import type { Destination } from '../destination.ts';
import type { GetToken, LogLine, SharePointAccess, TokenSource } from './access.ts';
import type { LibraryFacts } from './arrivals.ts';
import { checkPlace } from './check-place.ts';
import type { KnownFolders } from './drive-folders.ts';
import { GraphClient } from './graph-client.ts';
import { KnownDrives } from './known-drives.ts';
import { patientToken } from './patient-token.ts';
import { resolvePlace, type ResolvedPlace } from './resolve-place.ts';
import { openSharePointDestination } from './sharepoint-destination.ts';
import { TenantGate } from './tenant-gate.ts';

/** What a job brings. */
export interface TenantJob {
  access: SharePointAccess;
  host: TokenSource & { log: LogLine };
  /** tasks/{task}/runs/{run} */
  run: string;
  /** The service is to be asked where the place is, also when it is known. */
  asksAnew?: boolean;
  signal: AbortSignal;
}

/** What is known of one run's destination. */
interface KnownPlace {
  place: ResolvedPlace;
  /** Nobody was asked for it, because the drives of its site were known. */
  wasKnown: boolean;
  folders: KnownFolders;
  library: LibraryFacts;
}

/** How many runs are remembered; an agent works for few at a time. */
const knownPlacesMax = 16;
/** A token is not used any more when it has less time left; the main thread renews it earlier than that. */
const tokenMsLeft = 60_000;

const dispatchers = new Map<string, Dispatcher>();
const tokens = new Map<string, { token: string; expiresOnMs: number }>();
const knownDrives = new KnownDrives();
const knownPlaces = new Map<string, KnownPlace>();

/** Opens a place as a destination. Throws DroverError that says what was tried when it is not there. */
export async function openTenantDestination(
  place: SharePointPlace,
  job: TenantJob,
): Promise<Destination> {
  const { access, host, signal } = job;
  const getToken = tokenOf(job);
  const log = host.log;
  const client = createClient(job, patientToken({ getToken, clock: systemClock, log, signal }));
  const key = `${job.run} ${JSON.stringify(place)}`;
  const known = await knowPlace(key, place, client, job);
  return openSharePointDestination({
    client,
    clock: systemClock,
    place: known.place,
    knownFolders: known.folders,
    library: known.library,
    lanes: access.lanes,
    signal,
    onMissing: () => {
      // The place may have been found out before the library was replaced by another one: the next job asks.
      knownDrives.clear();
      if (known.wasKnown && knownPlaces.get(key) === known) knownPlaces.delete(key);
    },
  });
}

/** Whether a place can be written to. Throws DroverError when not; nothing is left there. */
export async function checkTenantPlace(place: SharePointPlace, job: TenantJob): Promise<void> {
  const client = createClient(job, tokenOf(job));
  await checkPlace(client, await resolvePlace(client, place, job.signal), job.signal);
}

async function knowPlace(
  key: string,
  place: SharePointPlace,
  client: GraphClient,
  { asksAnew = false, signal }: TenantJob,
): Promise<KnownPlace> {
  let known = knownPlaces.get(key);
  if (known === undefined || asksAnew) {
    if (asksAnew) knownDrives.clear();
    const asked = knownDrives.asked;
    known = {
      place: await resolvePlace(client, place, signal, knownDrives),
      wasKnown: knownDrives.asked === asked,
      folders: new Map(),
      library: { requiresCheckOut: undefined },
    };
    const [oldest] = knownPlaces.keys();
    if (knownPlaces.size >= knownPlacesMax && oldest !== undefined) knownPlaces.delete(oldest);
    knownPlaces.set(key, known);
  }
  return known;
}

function createClient({ access, host }: TenantJob, getToken: GetToken): GraphClient {
  return new GraphClient({
    graphUrl: access.graphUrl,
    dispatcher: dispatcherOf(access),
    gate: new TenantGate(access.gate, systemClock),
    getToken,
    clock: systemClock,
    log: host.log,
  });
}

function dispatcherOf({ route }: SharePointAccess): Dispatcher {
  const key = JSON.stringify(route);
  let dispatcher = dispatchers.get(key);
  if (dispatcher === undefined) {
    dispatcher = createDispatcher(route);
    dispatchers.set(key, dispatcher);
  }
  return dispatcher;
}

function tokenOf({ access: { graphUrl }, host }: TenantJob): GetToken {
  return async (forceRefresh) => {
    const known = tokens.get(graphUrl);
    if (known !== undefined && !forceRefresh && known.expiresOnMs - Date.now() > tokenMsLeft)
      return known.token;
    const { token, expiresOnMs } = await host.token(forceRefresh);
    tokens.set(graphUrl, { token, expiresOnMs });
    return token;
  };
}
