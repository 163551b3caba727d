// Plays the faults that met a request, around the handler.
import type { Delivery } from '../front/delivery.ts';
import type { RouteClass } from '../front/route.ts';
import type { Exchange, Handler, Reply } from '../http/exchange.ts';
import { graphError, signInError } from './error-reply.ts';
import type { Fault, StatusFault, ThrottleFault } from './rule.ts';

/** Where the request would have gone, which decides what an error looks like. */
export interface FaultPlace {
  part: 'entra' | 'graph';
  routeClass: RouteClass;
}

/**
 * Answers in place of the handler, or has it answer with the faults' effects. Effects of all faults are played; of those that
 * answer, the first.
 */
export async function playFaults(
  faults: readonly Fault[],
  exchange: Exchange,
  delivery: Delivery,
  place: FaultPlace,
  handler: Handler,
): Promise<Reply> {
  for (const fault of faults) applyEffects(fault, exchange, delivery);
  for (const fault of faults) {
    const reply = instead(fault, place);
    if (reply !== undefined) return reply;
  }
  const reply = await handler(exchange);
  if (!faults.some(({ kind }) => kind === 'gatewayTimeoutAfterStore')) return reply;
  if (typeof reply.body === 'object' && 'destroy' in reply.body) reply.body.destroy();
  return statusReply({ kind: 'status', status: 504 }, place);
}

/** What a fault does to the exchange and to how it travels. */
function applyEffects(fault: Fault, { effects }: Exchange, delivery: Delivery): void {
  if (fault.kind === 'rewriteOffice') effects.rewriteOffice = true;
  else if (fault.kind === 'missingHash') effects.omitHash = true;
  else if (fault.kind === 'lateListing') effects.hideYoungerThanMs = fault.ms;
  else if (fault.kind === 'sessionLost') effects.loseSession = true;
  else if (fault.kind === 'stall') delivery.ending = 'silence';
  else if (fault.kind === 'reset' && fault.afterBytes === undefined) delivery.ending ??= 'cut';
  else if (fault.kind === 'reset') delivery.cutAfterBodyBytes = fault.afterBytes!;
  else if (fault.kind === 'slowDrip') {
    const { bytesPerSecond, afterBytes = 0 } = fault;
    const pace = { bytesPerSecond, afterBytes };
    if (fault.on === 'request') delivery.readPace = pace;
    else delivery.writePace = pace;
  }
}

/** What a fault answers in place of the handler, if it does. */
function instead(fault: Fault, place: FaultPlace): Reply | undefined {
  switch (fault.kind) {
    case 'status':
      return statusReply(fault, place);
    case 'throttle':
      return throttleReply(fault, place);
    case 'unavailable':
      return throttleReply({ ...fault, kind: 'throttle', status: 503 }, place);
    case 'stall':
      return { status: 504 };
    case 'notFoundOnce':
      return statusReply({ kind: 'status', status: 404 }, place);
    case 'locked':
      return statusReply({ kind: 'status', status: 423 }, place);
    case 'etagMismatch':
      return statusReply({ kind: 'status', status: 412 }, place);
    case 'quotaExceeded':
      return statusReply({ kind: 'status', status: 507 }, place);
    case 'expiredToken':
      return statusReply({ kind: 'status', status: 401 }, place);
    case 'gatewayTimeoutAfterStore':
    case 'reset':
    case 'slowDrip':
    case 'sessionLost':
    case 'rewriteOffice':
    case 'lateListing':
    case 'missingHash':
      return undefined;
  }
}

function throttleReply(fault: ThrottleFault, place: FaultPlace): Reply {
  const { status = 429, retryAfter, retryAfterAs = 'seconds' } = fault;
  const headers: Record<string, string> =
    retryAfter === undefined
      ? {}
      : {
          'Retry-After': retryAfterAs === 'seconds' ? String(retryAfter) : httpDateIn(retryAfter),
        };
  return statusReply({ kind: 'status', status, headers }, place);
}

/** Rounded up, because such a date holds whole seconds. */
function httpDateIn(seconds: number): string {
  return new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000).toUTCString();
}

type Usual = Pick<StatusFault, 'code' | 'innerCode' | 'message'>;

const unknownStatus: Usual = { code: 'generalException', message: 'General exception.' };

/** What usually comes with a status. */
const usual: Record<number, Usual> = {
  400: { code: 'invalidRequest', message: 'Invalid request' },
  401: {
    code: 'InvalidAuthenticationToken',
    message: 'Lifetime validation failed, the token is expired.',
  },
  403: { code: 'accessDenied', message: 'Access denied' },
  404: { code: 'itemNotFound', message: 'The resource could not be found.' },
  409: {
    code: 'nameAlreadyExists',
    message: 'The specified item name already exists.',
  },
  410: {
    code: 'resyncRequired',
    innerCode: 'resyncChangesApplyDifferences',
    message: 'Resync required.',
  },
  412: {
    code: 'resourceModified',
    innerCode: 'entityTagDoesNotMatch',
    message: "ETag does not match current item's value",
  },
  413: { code: 'invalidRequest', message: 'The request is too large.' },
  416: {
    code: 'invalidRange',
    innerCode: 'fragmentOverlap',
    message: 'Uploaded fragment overlaps with existing data.',
  },
  423: {
    code: 'notAllowed',
    innerCode: 'resourceLocked',
    message: 'The resource you are attempting to access is locked',
  },
  429: {
    code: 'activityLimitReached',
    innerCode: 'throttledRequest',
    message: 'The request has been throttled',
  },
  500: unknownStatus,
  502: { code: 'UnknownError', message: 'Bad gateway' },
  503: {
    code: 'serviceNotAvailable',
    message: 'The service is temporarily unavailable. Please try again later.',
  },
  504: { code: 'UnknownError', message: 'Gateway timeout' },
  507: { code: 'quotaLimitReached', message: 'Insufficient Space Available' },
};

/** What is usually said with a code that is not its status's usual one. */
const usualMessages: Record<string, string> = {
  resourceModified:
    'The resource has changed since the caller last read it; usually an eTag mismatch',
};

/** What differs at an upload session, which has a token of its own. */
const usualAtSession: Record<number, Usual> = {
  401: {
    code: 'unauthenticated',
    innerCode: 'expiredToken',
    message: 'The access token has expired.',
  },
  404: {
    code: 'itemNotFound',
    innerCode: 'uploadSessionNotFound',
    message: 'The upload session was not found',
  },
};

function statusReply(fault: StatusFault, { part, routeClass }: FaultPlace): Reply {
  const { status, headers = {}, body } = fault;
  if (body !== undefined) {
    const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
    return {
      status,
      headers: { 'Content-Type': type, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    };
  }
  if (part === 'entra') return signInError(status, headers);
  const atSession = routeClass === 'uploadSession' ? usualAtSession[status] : undefined;
  const { code, innerCode, message } = atSession ?? usual[status] ?? unknownStatus;
  // A code of one's own does not come with the inner code of another.
  const inner = fault.innerCode ?? (fault.code === undefined ? innerCode : undefined);
  return graphError({
    status,
    headers,
    code: fault.code ?? code!,
    message: fault.message ?? usualMessages[fault.code ?? ''] ?? message!,
    innerCode: inner,
  });
}
