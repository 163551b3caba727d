// Refusals as Graph words them.
import { DriveError } from '../drive/drive-error.ts';
import type { Reply, TokenRefusal } from '../http/exchange.ts';
import { json } from './call.ts';

/** What an error answer says beside its reason. */
export interface ErrorContext {
  api: 'graph' | 'sharepoint';
  requestId: string;
  clientRequestId: string;
  nowMs: number;
}

/** The answer to a call that was refused. */
export function errorReply(error: DriveError, context: ErrorContext): Reply {
  const inner = innerError(error.inner, context);
  const { status, code, message, headers } = error;
  return json(status, { error: { code, message, [innerName(context)]: inner } }, headers);
}

/** The answer to a call whose token was not accepted. */
export function refusalReply({ code, message }: TokenRefusal, context: ErrorContext): Reply {
  const body = { error: { code, message, [innerName(context)]: innerError(undefined, context) } };
  return json(401, body, { 'www-authenticate': 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"' }); // oxfmt-ignore
}

/** The headers that every answer of the service has. */
export function serviceHeaders({ api, requestId, clientRequestId }: ErrorContext) {
  const headers: Record<string, string> = {
    'request-id': requestId,
    'client-request-id': clientRequestId,
    'cache-control': 'no-store, no-cache',
    'strict-transport-security': 'max-age=31536000',
  };
  if (api === 'graph')
    headers['x-ms-ags-diagnostic'] =
      '{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"EMULATOR"}}';
  else
    Object.assign(headers, {
      sprequestguid: requestId,
      'x-sharepointhealthscore': '0',
      spclientservicerequestduration: '1',
      microsoftsharepointteamservices: '16.0.0.25409',
    });
  return headers;
}

/** SharePoint's own API writes it in one word. */
function innerName({ api }: ErrorContext): string {
  return api === 'graph' ? 'innerError' : 'innererror';
}

function innerError(code: string | undefined, context: ErrorContext): object {
  return {
    ...(code === undefined ? {} : { code }),
    date: new Date(context.nowMs).toISOString().slice(0, 19),
    'request-id': context.requestId,
    'client-request-id': context.clientRequestId,
  };
}
