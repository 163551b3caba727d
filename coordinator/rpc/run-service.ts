// RunService: the runs of a task. They are started in run-control.ts; evidence of them is made in ../report/evidence.ts.
import type { ServiceImpl } from '@connectrpc/connect';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { ListRunsRequest, RunService } from '../../gen/drover/v1/run_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { exportEvidence } from '../report/evidence.ts';
import { parseRunName, parseTaskName } from '../task/names.ts';
import { isRunOpen } from '../task/run-states.ts';
import { requireRun, requireTask } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import { approveRun, rejectRun } from './approvals.ts';
import { requireCaller } from './caller.ts';
import { planRun, retryRun } from './run-control.ts';
import { getReadiness } from './readiness.ts';
import { runsOf } from './show-run.ts';
import type { ServiceParts } from './service-parts.ts';

type Parts = Pick<ServiceParts, 'store' | 'dispatcher'>;

export function createRunService(parts: ServiceParts): ServiceImpl<typeof RunService> {
  return {
    getRun: async ({ name }) => {
      const key = parseRunName(name, 'name');
      const row = await requireRun(parts.store, key);
      const view = await runsOf(parts, await requireTask(parts.store, key.task));
      return { run: view(key, row) };
    },
    listRuns: (request) => listRuns(parts, request),
    planRun: async (request, { signal }) => ({ run: await planRun(parts, request, signal) }),
    approveRun: async (request, context) => ({ run: await approveRun(parts, request, requireCaller(context)) }), // oxfmt-ignore
    rejectRun: async (request, context) => ({ run: await rejectRun(parts, request, requireCaller(context)) }), // oxfmt-ignore
    retryRun: async (request, { signal }) => ({ run: await retryRun(parts, request, signal) }),
    getReadiness: async ({ name }) => ({ readiness: await getReadiness(parts, name) }),
    exportEvidence: ({ name }) => evidence(parts, name),
    getEvidenceKey: () => {
      const { publicPem, fingerprint } = parts.trust.evidenceKey;
      return { publicKey: publicPem, fingerprint };
    },
  };
}

async function* evidence({ store, trust }: Pick<ServiceParts, 'store' | 'trust'>, name: string) {
  const key = parseRunName(name, 'name');
  const run = await requireRun(store, key);
  if (isRunOpen(run.run!.state))
    throw new DroverError(
      ErrorReason.WRONG_STATE,
      `${name} has not ended; evidence is of what is final: wait for its end, or cancel it`,
      { metadata: { name } },
    );
  const task = await requireTask(store, key.task);
  const { evidenceKey } = trust;
  for await (const content of exportEvidence({ reader: store, key, task, run, evidenceKey }))
    yield { content };
}

async function listRuns({ store, dispatcher }: Parts, request: ListRunsRequest) {
  const scope = ['runs', request.parent];
  const task = parseTaskName(request.parent, 'parent');
  const { size, cursor } = readPageRequest(request, scope);
  const view = await runsOf({ store, dispatcher }, await requireTask(store, task));
  const after = Number(cursor);
  if (!Number.isSafeInteger(after)) throw DroverError.invalid('page_token', 'cannot be read');
  const rows = await store.runs(task, after, size + 1);
  const page = rows.slice(0, size).map((row) => {
    const key = parseRunName(row.run!.name, 'name');
    return { key, run: view(key, row) };
  });
  const next = rows.length > size ? String(page.at(-1)!.key.run) : undefined;
  return { runs: page.map(({ run }) => run), nextPageToken: writePageToken(next, scope) };
}
