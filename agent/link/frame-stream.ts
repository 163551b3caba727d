// The one owner of a call's events. The rest of the agent sees a function that sends and a sequence of frames.
import { once } from 'node:events';
import type { Client } from '@grpc/grpc-js';
import type { AttachRequest, AttachResponse } from '../../gen/drover/v1/session_pb.ts';
import type { HostPort } from '../../lib/option-values.ts';
import { fromGrpc } from './grpc-error.ts';
import { attachMethod } from './service.ts';

export interface FrameStream {
  /**
   * Resolves when there is room for the next frame, which is not when this one has arrived. Of a stream that is lost only the
   * reader of `frames` is told; frames sent then go nowhere.
   */
  send(frame: AttachRequest): Promise<void>;
  /** What the coordinator sends, until it ends the stream; throws a DroverError when the stream is lost. For one reader. */
  frames: AsyncIterable<AttachResponse>;
  /** Says that nothing more will be sent; the coordinator ends the stream after it has read what was. */
  end(): void;
  /** Ends the stream at once. Idempotent. */
  cancel(): void;
}

export function openFrameStream(client: Client, address: HostPort): FrameStream {
  const call = client.makeBidiStreamRequest(
    attachMethod.path,
    attachMethod.requestSerialize,
    attachMethod.responseDeserialize,
  );
  const lost = new AbortController();
  // The reader gets the error too; a stream without any listener for it would end the process.
  call.on('error', (error) => lost.abort(fromGrpc(error, address)));
  call.on('close', () => lost.abort());
  call.on('end', () => lost.abort());

  async function* frames(): AsyncGenerator<AttachResponse, void, undefined> {
    try {
      for await (const frame of call) yield frame as AttachResponse;
    } catch (error) {
      throw fromGrpc(error, address);
    }
  }

  return {
    // grpc-js holds 16 frames whatever their size before it says that it is full, so we wait when it says so.
    async send(frame) {
      if (lost.signal.aborted) return;
      if (call.write(frame)) return;
      await once(call, 'drain', { signal: lost.signal }).catch((error: unknown) => {
        if (!lost.signal.aborted) throw fromGrpc(error, address);
      });
    },
    frames: frames(),
    end: () => {
      if (!lost.signal.aborted) call.end();
    },
    cancel: () => call.cancel(),
  };
}
