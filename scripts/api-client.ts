// The public API as a client on this machine calls it: the services, and errors as DroverErrors.
import { readFileSync } from 'node:fs';
import { Code, ConnectError, createClient, type Client, type Interceptor } from '@connectrpc/connect'; // oxfmt-ignore
import { createGrpcTransport } from '@connectrpc/connect-node';
import { AgentService, JoinTokenService } from '../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { FilterService } from '../gen/drover/v1/filter_pb.ts';
import { ItemService, type Item, type ItemState } from '../gen/drover/v1/item_pb.ts';
import { ReportService } from '../gen/drover/v1/report_pb.ts';
import { RunService } from '../gen/drover/v1/run_pb.ts';
import { SettingsService } from '../gen/drover/v1/settings_pb.ts';
import { TaskService } from '../gen/drover/v1/task_pb.ts';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import type { Connection } from '../lib/connection.ts';
import { DroverError, errorDomain, reasonByName } from '../lib/error.ts';
import { WideSessions } from '../lib/wide-sessions.ts';

/** The most items that one page may have. */
const itemPageSize = 1000;

export interface Api {
  tasks: Client<typeof TaskService>;
  runs: Client<typeof RunService>;
  items: Client<typeof ItemService>;
  agents: Client<typeof AgentService>;
  joinTokens: Client<typeof JoinTokenService>;
  settings: Client<typeof SettingsService>;
  filters: Client<typeof FilterService>;
  reports: Client<typeof ReportService>;
}

/** Clients of a coordinator, with the administrator's token. `connection` is what the coordinator says when it is ready. */
export function connectApi(connection: Connection): Api {
  const token = readFileSync(connection.tokenFile, 'utf8').trim();
  const bearer: Interceptor = (next) => (request) => {
    request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: connection.address,
    sessionManager: new WideSessions(connection.address, { ca: readFileSync(connection.authorityFile) }), // oxfmt-ignore
    interceptors: [bearer],
    readMaxBytes: 64 * 1024 * 1024,
  });
  return {
    tasks: createClient(TaskService, transport),
    runs: createClient(RunService, transport),
    items: createClient(ItemService, transport),
    agents: createClient(AgentService, transport),
    joinTokens: createClient(JoinTokenService, transport),
    settings: createClient(SettingsService, transport),
    filters: createClient(FilterService, transport),
    reports: createClient(ReportService, transport),
  };
}

/** All items of a run, page by page; with a state, only those in it. */
export async function* allItems(api: Api, run: string, state?: ItemState): AsyncGenerator<Item> {
  let pageToken = '';
  do {
    const page = await api.items.listItems({
      parent: run,
      pageSize: itemPageSize,
      pageToken,
      ...(state === undefined ? {} : { state }),
    });
    yield* page.items;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** What a call threw, with the reason that the coordinator sent. */
export function callError(thrown: unknown): DroverError {
  if (thrown instanceof DroverError) return thrown;
  if (!(thrown instanceof ConnectError)) return DroverError.from(thrown);
  const [info] = thrown.findDetails(ErrorInfoSchema);
  const reason =
    info?.domain === errorDomain
      ? (reasonByName(info.reason) ?? ErrorReason.INTERNAL)
      : thrown.code === Code.Unavailable
        ? ErrorReason.UNAVAILABLE
        : ErrorReason.INTERNAL;
  return new DroverError(reason, thrown.rawMessage, {
    cause: thrown,
    metadata: { ...info?.metadata },
  });
}
