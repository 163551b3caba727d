// Which destination a location gets.
import { DroverError } from '../../lib/error.ts';
import { parseLocation, type Location } from '../../lib/location.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Destination } from './destination.ts';
import type { TenantJob } from './sharepoint/tenant.ts';

/**
 * Opens a task's destination; `tenant` is undefined where the agent has no sign-in, and a folder of which it is known that it `holdsItems` is not made
 * when it is missing. Throws INVALID_ARGUMENT for what is no
 * location, DESTINATION_UNSUPPORTED for a kind not served, and what the destination says when it cannot be reached.
 */
export async function openDestination(
  text: string,
  tenant: TenantJob | undefined,
  holdsItems = false,
): Promise<Destination> {
  const location = destinationLocation(text);
  if (location.kind === 'file') {
    const { openFolderDestination } = await loadFolder();
    return openFolderDestination(location.path, holdsItems);
  }
  const job = required(tenant, text);
  const { openTenantDestination } = await loadTenant();
  return await openTenantDestination(location.place, job);
}

/** Whether a destination can be written to, as far as can be found out without leaving anything there; throws as above. */
export async function checkDestination(text: string, tenant: TenantJob | undefined): Promise<void> {
  const location = destinationLocation(text);
  // A folder may come with the run, as a share that is mounted by then; the scan looks at it.
  if (location.kind === 'file') return;
  const job = required(tenant, text);
  const { checkTenantPlace } = await loadTenant();
  await checkTenantPlace(location.place, job);
}

/** The absolute path of a destination that is a folder; undefined for another kind. Throws as above. */
export function destinationFolder(text: string): string | undefined {
  const location = destinationLocation(text);
  return location.kind === 'file' ? location.path : undefined;
}

/** Whether a failure says that the folder which a task has written into is out of reach: that is no failure of its items. */
export function isFolderLost(
  { destination, destinationHoldsItems }: { destination: string; destinationHoldsItems?: boolean },
  reason: number,
): boolean {
  const isLost = destinationHoldsItems === true && reason === ErrorReason.DESTINATION_UNREACHABLE;
  return isLost && destinationFolder(destination) !== undefined;
}

/** The main thread only checks destinations, and needs no C library for it. */
function loadFolder() {
  return import('./folder-destination.ts');
}

/** Threads that only write to folders start in half the time without it. */
function loadTenant() {
  return import('./sharepoint/tenant.ts');
}

function destinationLocation(text: string): Exclude<Location, { kind: 'unc' }> {
  const location = parseLocation(text, 'destination');
  if (location.kind !== 'unc') return location;
  throw new DroverError(
    ErrorReason.DESTINATION_UNSUPPORTED,
    `this agent cannot write to "${text}": it writes to folders of its own file system, to SharePoint and to OneDrive`,
    { metadata: { destination: text } },
  );
}

function required(tenant: TenantJob | undefined, text: string): TenantJob {
  if (tenant !== undefined) return tenant;
  throw new DroverError(
    ErrorReason.DESTINATION_UNSUPPORTED,
    `this agent cannot write to "${text}": it was started without a sign-in to a tenant (--tenant, --client-id)`,
    { metadata: { destination: text } },
  );
}
