// The scan job: finds everything below a source, and sends it on in pages.
import { performance } from 'node:perf_hooks';
import { destinationFolder, openDestination } from '../destination/open-destination.ts';
import { isRecycledFolder, recycledFolderError } from '../destination/recycled-folder.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { printablePath } from '../source/printable-path.ts';
import type { Source } from '../source/source.ts';
import { openSource, sourceFolder } from '../source/open-source.ts';
import { compileFilters } from './filter.ts';
import { openTenant } from './job-tenant.ts';
import {
  isStopped,
  progressBytes,
  progressItems,
  scanPageItemsMax,
  statePageCredits,
  stateStop,
  type JobResult,
  type ScanJob,
  type SharedJobState,
} from './jobs.ts';
import { checkHoldsItems } from '../destination/held-folder.ts';
import { checkNoOverlap } from './overlap.ts';
import { ScanPageWriter } from './scan-page-writer.ts';
import { walk, type WalkItem } from './walk.ts';
import { walkListed } from './walk-listed.ts';
import { readManifest } from './manifest.ts';
import { walkManifest } from './walk-manifest.ts';

/** A page that is not full is sent after so long. */
const pageAgeMsMax = 100;
/** The clock is looked at once for so many items. */
const itemsPerLook = 8;

/**
 * Scans. Throws DroverError when the scan as a whole cannot be done. The port is closed at the end, whatever it was, so that
 * its `close` event comes after the last page.
 */
export async function runScan(job: ScanJob): Promise<JobResult> {
  try {
    using source = openSource(job.source);
    // What an earlier part of the scan found was in it.
    source.check(job.afterPath !== '');
    const rootId = source.facts('').fileId;
    const folder = destinationFolder(job.destination);
    if (folder === undefined) await checkReachable(job);
    else {
      checkNoOverlap(sourceFolder(job.source), folder);
      if (job.destinationHoldsItems === true) checkHoldsItems(folder);
    }
    const pages = new PageSender(job);
    const judge = compileFilters(job.filters, source);
    const { triesReading, afterPath, only, manifest } = job;
    const visit = (item: WalkItem) => pages.add(item);
    // What a destination folder keeps for itself is refused with all that is in it, before anything of it is planned.
    const refuse = folder === undefined ? noRefusal : refuseRecycledFolder;
    const options = { source, judge, triesReading, afterPath, refuse };
    const isDone =
      only !== undefined
        ? walkListed({ ...options, only }, visit)
        : manifest !== undefined
          ? walkManifest({ ...options, listed: readManifest(manifest) }, visit)
          : walk(options, visit);
    checkSameSource(job.source, source, rootId);
    const whole = isDone && pages.send();
    return whole ? { kind: 'scan-done' } : { kind: 'stopped' };
  } finally {
    job.port.close();
  }
}

/**
 * A share that is unmounted, or another that is mounted, while it is scanned looks as if all that had not been listed by then were gone.
 * That must not be the end of a scan of everything.
 */
function checkSameSource(text: string, source: Source, rootId: bigint): void {
  source.check();
  if (source.facts('').fileId === rootId) return;
  source.check(true);
  throw new DroverError(
    ErrorReason.SOURCE_CHANGED,
    `the source ${printablePath(text)} is another folder than when the scan began, as when a share is mounted or unmounted`,
    { metadata: { path: text } },
  );
}

const noRefusal = () => undefined;

function refuseRecycledFolder(path: string): DroverError | undefined {
  return isRecycledFolder(path) ? recycledFolderError(path) : undefined;
}

/** A destination that is not there is a reason not to begin, rather than one for each item. */
async function checkReachable(job: ScanJob): Promise<void> {
  using tenant = openTenant(job, job.shared);
  // Each run asks once, and finds out before anything of it is planned.
  const asking = tenant && { ...tenant, asksAnew: true };
  await using _destination = await openDestination(job.destination, asking);
}

/** Collects items and posts pages as credits allow. Both methods answer false when the job is to stop. */
class PageSender {
  readonly #job: ScanJob;
  readonly #page = new ScanPageWriter();
  #bytes = 0;
  #sentMs = performance.now();

  constructor(job: ScanJob) {
    this.#job = job;
  }

  add(item: WalkItem): boolean {
    this.#page.add(item);
    this.#bytes += item.facts.size;
    const { items } = this.#page;
    if (items < scanPageItemsMax) {
      if (items % itemsPerLook !== 0) return true;
      if (isStopped(this.#job.shared)) return false;
      if (performance.now() - this.#sentMs < pageAgeMsMax) return true;
    }
    return this.send();
  }

  send(): boolean {
    const { port, shared } = this.#job;
    if (this.#page.items === 0) return !isStopped(shared);
    if (!takeCredit(shared)) return false;
    Atomics.add(shared.progress, progressItems, BigInt(this.#page.items));
    Atomics.add(shared.progress, progressBytes, BigInt(this.#bytes));
    const items = this.#page.take();
    port.postMessage({ items }, [items.buffer]);
    this.#bytes = 0;
    this.#sentMs = performance.now();
    return true;
  }
}

/** Waits until a page may be sent; false when the job is to stop. */
function takeCredit({ state }: SharedJobState): boolean {
  for (;;) {
    // Stopping changes the credits as well, so a stop between this look and the wait ends the wait.
    const credits = Atomics.load(state, statePageCredits);
    if (Atomics.load(state, stateStop) !== 0) return false;
    if (credits > 0) {
      Atomics.sub(state, statePageCredits, 1);
      return true;
    }
    Atomics.wait(state, statePageCredits, credits);
  }
}
