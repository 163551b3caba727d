// The stream to the coordinator, kept up for as long as the agent lives: connect, say hello, send again what was not
// acknowledged, then carry frames both ways until the stream is lost, and begin anew.
import { create } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  AttachRequestSchema,
  type AttachRequest,
  type AttachResponse,
  type Attention,
  type Heartbeat,
  type LeaseKey,
  type Welcome,
} from '../../gen/drover/v1/session_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { certificateBeginsKey } from '../../lib/certificate-begins.ts';
import { DroverError, reasonName } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { knownSettings } from '../../lib/known-settings.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import { pause, type Clock } from '../../lib/time.ts';
import { version } from '../../lib/version.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';
import { createClient, type ClientTrust } from './client.ts';
import { openFrameStream, type FrameStream } from './frame-stream.ts';
import { Patience } from './patience.ts';
import { diagnose } from './tls-probe.ts';

/** What the session carries frames for. */
export interface SessionWork {
  /** Whether anything goes on that progress is to be told of. */
  readonly busy: boolean;
  readonly draining: boolean;
  /** What cannot be done at the moment; undefined when nothing is wrong. */
  attention(): Attention | undefined;
  /** Every lease that is held. */
  leases(): LeaseKey[];
  /** Frames go to `send` until `detach`; those that were not acknowledged go at once. */
  attach(send: (frame: AttachRequest) => void): void;
  detach(): void;
  receive(frame: AttachResponse): void;
  heartbeat(): Heartbeat;
}

export interface SessionOptions {
  /** Tried in turn, at least one. */
  addresses: readonly CoordinatorAddress[];
  /** Asked before each attempt, because certificates are renewed. */
  trust: () => ClientTrust;
  work: SessionWork;
  slots: number;
  locationKinds: readonly string[];
  group: string;
  sourceRoots: readonly string[];
  clock: Clock;
  log: Logger;
  /** From 0 up to 1. @default Math.random */
  random?: () => number;
  /** Called each time the coordinator has welcomed the agent. */
  onAttached: (attached: { agent: string; coordinator: string }) => void;
}

/** The most frames that wait to be sent: above what all slots' page windows, results and returns can come to. */
const waitingFramesMax = 8192;
const welcomeTimeoutMs = 20_000;
const busyHeartbeatMs = 250;
const idleHeartbeatMs = 5_000;
/** Frames that wait are told of whenever there were some for so long. */
const stuckToldMs = 60_000;
/** How long the coordinator gets to end a stream that the agent has ended. */
const endTimeoutMs = 2_000;

export class Session {
  readonly #options: SessionOptions;
  #outgoing: AsyncQueue<AttachRequest> | undefined;
  #attachedEver = false;
  readonly #finishing = new AbortController();
  readonly #cancelling = new AbortController();
  #reconnecting = false;
  readonly #patience = new Patience();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Whether the coordinator has welcomed the agent and the stream stands. */
  get attached(): boolean {
    return this.#outgoing !== undefined;
  }

  /**
   * Keeps the agent attached until `finish` or the signal; then it resolves. Rejects when trying again is no use: the
   * coordinator refuses this agent, or, before the agent was attached for the first time, is not the one it joined.
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = AbortSignal.any([signal, this.#finishing.signal]);
    const cancel = AbortSignal.any([signal, this.#cancelling.signal]);
    for (let attempt = 0; !stop.aborted; attempt += 1) {
      const address = this.#options.addresses[attempt % this.#options.addresses.length]!;
      const beginMs = this.#options.clock.steady();
      const lost = await this.#attachOnce(address, cancel);
      if (stop.aborted) return;
      if (this.#reconnecting) {
        this.#reconnecting = false;
        continue;
      }
      if (this.#isFinal(lost)) throw lost;
      const tookMs = this.#options.clock.steady() - beginMs;
      const random = (this.#options.random ?? Math.random)();
      const { delayMs, isNews } = this.#patience.wait(lost.reason, tookMs, random);
      if (isNews) this.#tell(lost, delayMs);
      await pause(this.#options.clock, delayMs, stop);
    }
  }

  #tell(lost: DroverError, delayMs: number): void {
    const { log } = this.#options;
    const facts = { reason: reasonName(lost.reason), delayMs };
    if (lost.reason === ErrorReason.INTERNAL)
      log.error({ ...facts, err: lost.cause }, 'a frame could not be worked on'); // oxfmt-ignore
    else if (lost.reason === ErrorReason.AGENT_DISABLED)
      log.warn(facts, `${lost.message}; this agent waits for that, and tries again every minute`); // oxfmt-ignore
    else log.warn(facts, `not attached: ${lost.message}`);
  }

  /** Sends what waits, ends the stream in order, and lets `run` resolve; where no stream stands, at once. */
  finish(): void {
    this.#finishing.abort();
    if (this.#outgoing === undefined) this.#cancelling.abort();
    else this.#outgoing.end();
  }

  /** Ends the stream in order and attaches again, as after a renewal of the certificate. */
  reconnect(): void {
    if (this.#outgoing === undefined) return;
    this.#reconnecting = true;
    this.#outgoing.end();
  }

  /** Tells the coordinator at once that the agent drains. */
  announce(): void {
    this.#push(heartbeatFrame(this.#options.work.heartbeat()));
  }

  /** One stream from its hello to its end; answers with why it ended. */
  async #attachOnce(address: CoordinatorAddress, signal: AbortSignal): Promise<DroverError> {
    const trust = this.#options.trust();
    const client = createClient(address, trust);
    const stream = openFrameStream(client, address);
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    let welcomed = false;
    try {
      const incoming = stream.frames[Symbol.asyncIterator]();
      const welcome = await this.#sayHello(stream, incoming, address);
      welcomed = true;
      await this.#carry(stream, incoming, welcome, address);
      return new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator ended the stream');
    } catch (error) {
      const lost = DroverError.from(error);
      if (welcomed || lost.reason !== ErrorReason.UNAVAILABLE || signal.aborted) return lost;
      return (await diagnose(address, trust, signal)) ?? lost;
    } finally {
      signal.removeEventListener('abort', cancel);
      stream.cancel();
      client.close();
    }
  }

  async #sayHello(
    stream: FrameStream,
    incoming: AsyncIterator<AttachResponse>,
    address: CoordinatorAddress,
  ): Promise<Welcome> {
    const { work, slots, locationKinds, group, sourceRoots, clock } = this.#options;
    const attention = work.attention();
    const hello = {
      version,
      platform: `${process.platform}/${process.arch}`,
      slots,
      locationKinds: [...locationKinds],
      leases: work.leases(),
      draining: work.draining,
      group,
      sourceRoots: [...sourceRoots],
      knownSettings: knownSettings(),
      ...(attention && { attention }),
    };
    const coordinator = formatHostPort(address);
    const fail = (what: string) =>
      new DroverError(ErrorReason.UNAVAILABLE, `the coordinator at ${coordinator} ${what}`);
    let silent = false;
    const cancelTimer = clock.after(welcomeTimeoutMs, () => {
      silent = true;
      stream.cancel();
    });
    try {
      await stream.send(create(AttachRequestSchema, { frame: { case: 'hello', value: hello } }));
      const first = await incoming.next();
      if (first.done === true) throw fail('ended the stream before it welcomed the agent');
      if (first.value.frame.case !== 'welcome') throw fail('did not begin with a welcome');
      return first.value.frame.value;
    } catch (error) {
      throw silent ? fail('does not answer the hello') : error;
    } finally {
      cancelTimer();
    }
  }

  /** Carries frames both ways; resolves when the stream was ended in order, rejects when it was lost. */
  async #carry(
    stream: FrameStream,
    incoming: AsyncIterator<AttachResponse>,
    welcome: Welcome,
    address: CoordinatorAddress,
  ): Promise<void> {
    const { work, clock, log, onAttached } = this.#options;
    const outgoing = new AsyncQueue<AttachRequest>(waitingFramesMax);
    this.#outgoing = outgoing;
    const coordinator = formatHostPort(address);
    log.info({ coordinator, agent: welcome.agent }, this.#attachedEver ? 'attached again' : 'attached'); // oxfmt-ignore
    this.#attachedEver = true;
    this.#patience.attached();
    const stopHeartbeat = this.#beat(welcome);
    let cancelTimer: (() => void) | undefined;
    try {
      work.attach((frame) => this.#push(frame));
      onAttached({ agent: welcome.agent, coordinator });
      const written = write(outgoing, stream).then(() => {
        cancelTimer = clock.after(endTimeoutMs, () => stream.cancel());
      });
      await Promise.all([written, read(incoming, (frame) => work.receive(frame), outgoing)]);
    } finally {
      cancelTimer?.();
      stopHeartbeat();
      work.detach();
      outgoing.end();
      this.#outgoing = undefined;
    }
  }

  /** Sends heartbeats until the answer is called. */
  #beat(welcome: Welcome): () => void {
    const { work, clock, log } = this.#options;
    const interval = welcome.heartbeatInterval;
    const idleMs = Math.max(
      busyHeartbeatMs,
      Math.min(idleHeartbeatMs, interval === undefined ? idleHeartbeatMs : durationMs(interval)),
    );
    let sinceLastMs = 0;
    let stuckMs = 0;
    let cancel: () => void;
    const tick = () => {
      sinceLastMs += busyHeartbeatMs;
      const waiting = waitingFramesMax - (this.#outgoing?.room ?? 0);
      stuckMs = waiting === 0 ? 0 : stuckMs + busyHeartbeatMs;
      if (stuckMs > 0 && stuckMs % stuckToldMs === 0)
        log.warn({ frames: waiting, forMs: stuckMs }, 'frames wait to be sent: the coordinator does not take them, or not as fast as they come'); // oxfmt-ignore
      // Where frames wait already, a heartbeat would only tell later what is older then.
      if ((work.busy || sinceLastMs >= idleMs - busyHeartbeatMs / 2) && waiting === 0) {
        sinceLastMs = 0;
        this.#push(heartbeatFrame(work.heartbeat()));
      }
      cancel = clock.after(busyHeartbeatMs, tick);
    };
    cancel = clock.after(busyHeartbeatMs, tick);
    return () => cancel();
  }

  #push(frame: AttachRequest): void {
    this.#outgoing?.push(frame);
  }

  #isFinal({ reason, metadata }: DroverError): boolean {
    switch (reason) {
      case ErrorReason.UNAUTHENTICATED:
        // A certificate that has not begun will: only a clock is wrong.
        return metadata[certificateBeginsKey] === undefined;
      case ErrorReason.PERMISSION_DENIED:
        return true;
      case ErrorReason.COORDINATOR_MISMATCH:
        return !this.#attachedEver;
      default:
        return false;
    }
  }
}

async function write(outgoing: AsyncQueue<AttachRequest>, stream: FrameStream): Promise<void> {
  for await (const frame of outgoing) await stream.send(frame);
  stream.end();
}

// The end of what comes in also ends what goes out, however it came about.
async function read(
  incoming: AsyncIterator<AttachResponse>,
  receive: (frame: AttachResponse) => void,
  outgoing: AsyncQueue<AttachRequest>,
): Promise<void> {
  try {
    for (let next = await incoming.next(); next.done !== true; next = await incoming.next())
      receive(next.value);
  } finally {
    outgoing.end();
  }
}

function heartbeatFrame(heartbeat: Heartbeat): AttachRequest {
  return create(AttachRequestSchema, { frame: { case: 'heartbeat', value: heartbeat } });
}
