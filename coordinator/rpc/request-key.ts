// The id by which a call is found in the log, in the audit log and in what its caller was told.
import { createContextKey } from '@connectrpc/connect';

export const requestIdKey = createContextKey('');
