// FilterService: filters tried on a real source.
import { create } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  PreviewFiltersResponseSchema,
  type FilterService,
  type PreviewFiltersRequest,
} from '../../gen/drover/v1/filter_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import type { PreviewRequest } from '../dispatch/filter-previews.ts';
import { checkSettings } from './check-settings.ts';
import type { ServiceParts } from './service-parts.ts';
import { effectiveSettings, settingsAt } from './settings.ts';

const samplesDefault = 5;
const samplesLimit = 50;
const itemsDefault = 1_000_000n;
const itemsLimit = 100_000_000n;
const timeDefaultMs = 60_000;
const timeLimitMs = 10 * 60_000;

type Parts = Pick<ServiceParts, 'store' | 'clock' | 'dispatcher'>;

export function createFilterService(parts: Parts): ServiceImpl<typeof FilterService> {
  return { previewFilters: (request, { signal }) => previewFilters(parts, request, signal) };
}

/** Throws INVALID_ARGUMENT for what cannot be tried, and as Dispatcher.previewFilters. */
async function* previewFilters(parts: Parts, request: PreviewFiltersRequest, signal: AbortSignal) {
  const wanted = await readRequest(parts, request);
  for await (const preview of parts.dispatcher.previewFilters(wanted, signal))
    yield create(PreviewFiltersResponseSchema, { preview });
}

async function readRequest(
  { store, clock }: Parts,
  request: PreviewFiltersRequest,
): Promise<PreviewRequest> {
  const { source, settings, agentGroup, samplesMax, itemsMax } = request;
  if (parseLocation(source, 'source').kind === 'sharepoint')
    throw new DroverError(
      ErrorReason.SOURCE_UNSUPPORTED,
      `source "${source}": reading from SharePoint and OneDrive is not built yet`,
      { metadata: { source }, violations: [{ field: 'source', description: 'is in SharePoint or OneDrive' }] }, // oxfmt-ignore
    );
  checkSettings(settings, 'settings');
  const global = (await store.settings())?.settings?.defaults;
  return {
    source,
    settings: settingsAt(effectiveSettings(settings, global), clock.now()),
    group: agentGroup,
    samplesMax: Math.min(samplesMax === 0 ? samplesDefault : samplesMax, samplesLimit),
    itemsMax: itemsMax === 0n ? itemsDefault : itemsMax > itemsLimit ? itemsLimit : itemsMax,
    timeMaxMs: readTime(request),
  };
}

function readTime({ timeMax }: PreviewFiltersRequest): number {
  if (timeMax === undefined) return timeDefaultMs;
  const timeMs = durationMs(timeMax);
  if (timeMs <= 0) throw DroverError.invalid('time_max', 'must be more than nothing, such as 30s');
  return Math.min(timeMs, timeLimitMs);
}
