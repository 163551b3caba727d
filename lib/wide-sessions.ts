// Connections to a coordinator over which a lot comes, such as a report of millions of items. HTTP/2 lets a sender go on for 64 KiB before it
// hears from the receiver, which over a line of 50 ms is a megabyte a second.
import { Http2SessionManager } from '@connectrpc/connect-node';
import type { ClientHttp2Stream, SecureClientSessionOptions } from 'node:http2';

/** What may be on its way to us, of one stream and of all streams of a connection: 20 MiB a second at 50 ms. */
export const windowBytes = 1024 * 1024;

type PingOptions = ConstructorParameters<typeof Http2SessionManager>[1];

/** Gives each connection that it opens the window, which the options of a connection give to its streams only. */
export class WideSessions extends Http2SessionManager {
  constructor(address: string, options: SecureClientSessionOptions, pings: PingOptions = {}) {
    const settings = { ...options.settings, initialWindowSize: windowBytes };
    super(address, pings, { ...options, settings });
  }

  override async request(
    ...call: Parameters<Http2SessionManager['request']>
  ): Promise<ClientHttp2Stream> {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session !== undefined && (session.state.effectiveLocalWindowSize ?? 0) < windowBytes)
      session.setLocalWindowSize(windowBytes);
    return stream;
  }
}
