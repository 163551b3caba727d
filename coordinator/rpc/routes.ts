// Every service that is served on the coordinator's port.
import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { apiFiles } from '../../gen/api.ts';
import { AccessTokenService } from '../../gen/drover/v1/access_token_pb.ts';
import { AgentService, JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { CallerService } from '../../gen/drover/v1/caller_pb.ts';
import { FilterService } from '../../gen/drover/v1/filter_pb.ts';
import { ItemService } from '../../gen/drover/v1/item_pb.ts';
import { ReportService } from '../../gen/drover/v1/report_pb.ts';
import { RunService } from '../../gen/drover/v1/run_pb.ts';
import { AgentSessionService, EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { SettingsService } from '../../gen/drover/v1/settings_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { WebhookService } from '../../gen/drover/v1/webhook_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { Health } from '../../gen/health/v1/health_pb.ts';
import { taskFileBytesMax } from '../bulk/task-file.ts';
import { createAccessTokenService } from './access-token-service.ts';
import { createAgentService } from './agent-service.ts';
import { createAuditService } from './audit-service.ts';
import { createCallerService } from './caller-service.ts';
import { createEnrollmentService } from './enrollment-service.ts';
import { createFilterService } from './filter-service.ts';
import { createHealthService } from './health-service.ts';
import { TaskImporter } from './import-tasks.ts';
import { createItemService } from './item-service.ts';
import { createJoinTokenService } from './join-token-service.ts';
import { reflect, reflectAlpha } from './reflection-service.ts';
import { createReportService } from './report-service.ts';
import { createRunService } from './run-service.ts';
import { indexSchema } from './schema-index.ts';
import type { TaskServiceParts } from './service-parts.ts';
import { createSessionService } from './session-service.ts';
import { createSettingsService } from './settings-service.ts';
import { createTaskService } from './task-service.ts';
import { createWebhookService } from './webhook-service.ts';

/** The largest message that administrators send. */
export const administratorMessageBytesMax = 4 * 1024 * 1024;
/** A file of tasks, which JSON makes a third larger, and what is said about it. */
const importMessageBytesMax = taskFileBytesMax * 1.5;
/** The largest message that agents send: a page of 2000 items with long paths takes a quarter of it. */
const sessionMessageBytesMax = 16 * 1024 * 1024;
/** The largest message of who has shown nothing yet. */
const strangerMessageBytesMax = 64 * 1024;

/** Everything that is served, in the order it is listed in. */
export const servedServices: readonly DescService[] = [
  ...apiFiles.flatMap(({ services }) => services),
  Health,
  ServerReflection,
  ServerReflectionAlpha,
];

/** Answers with the function that registers all services. */
export function createRoutes(parts: TaskServiceParts): (router: ConnectRouter) => void {
  const reflection = { services: servedServices, schema: indexSchema(servedServices, apiFiles) };
  const strangers = { readMaxBytes: strangerMessageBytesMax };
  return (router) => {
    router.service(TaskService, createTaskService(parts));
    const importer = new TaskImporter(parts);
    router.rpc(
      TaskService.method.importTasks,
      (request, { signal }) => importer.import(request, signal),
      { readMaxBytes: importMessageBytesMax },
    );
    router.service(RunService, createRunService(parts));
    router.service(FilterService, createFilterService(parts));
    router.service(ItemService, createItemService(parts.store));
    // Reports go out as they are: to compress them would cost more time than to make them.
    router.service(ReportService, createReportService(parts), { acceptCompression: [] });
    router.service(AgentService, createAgentService(parts));
    router.service(JoinTokenService, createJoinTokenService(parts.trust));
    router.service(SettingsService, createSettingsService(parts));
    router.service(AccessTokenService, createAccessTokenService(parts));
    router.service(CallerService, createCallerService(parts));
    router.service(WebhookService, createWebhookService(parts));
    router.service(AuditService, createAuditService(parts.store));
    router.service(EnrollmentService, createEnrollmentService(parts), strangers);
    // Frames go out as they are: to compress pages of paths would cost more time than everything else that is done with them.
    router.service(AgentSessionService, createSessionService(parts), {
      acceptCompression: [],
      readMaxBytes: sessionMessageBytesMax,
    });
    router.service(Health, createHealthService(servedServices), strangers);
    router.service(
      ServerReflection,
      {
        serverReflectionInfo: (requests) => reflect(reflection, requests),
      },
      strangers,
    );
    router.service(
      ServerReflectionAlpha,
      {
        serverReflectionInfo: (requests) => reflectAlpha(reflection, requests),
      },
      strangers,
    );
  };
}
