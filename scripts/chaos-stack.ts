// All that a chaos run does its harm to: a coordinator, agents, perhaps an emulated tenant, and the networks between them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Agent, request } from 'undici';
import { connectApi, type Api } from './api-client.ts';
import type { ChaosLog } from './chaos-log.ts';
import { Part } from './chaos-part.ts';
import { ChaosProxy } from './chaos-proxy.ts';
import { SmallDisk } from './chaos-small-disk.ts';
import { hostPort } from '../lib/option-values.ts';
import { runProgram } from './program.ts';
import { createJoinToken, emulatorSignIn, hasJoined, startAgent, startCoordinator, startEmulator, type AgentReady, type CoordinatorReady, type EmulatorReady } from './local-stack.ts'; // oxfmt-ignore

export interface ChaosStackOptions {
  /** Everything goes below it. */
  folder: string;
  agents: number;
  hasEmulator: boolean;
  log: ChaosLog;
}

/** Short times, so that what a dead agent held is free again while the run still goes. */
export const leaseTtlMs = 3000;
export const sessionExpiryMs = 4000;
const smallDiskMebibytes = 24;
const storeCheckMs = 120_000;
const root = path.dirname(import.meta.dirname);

export class ChaosStack implements AsyncDisposable {
  readonly coordinator: Part<CoordinatorReady>;
  readonly emulator: Part<EmulatorReady> | undefined;
  readonly agents: Part<AgentReady>[] = [];
  /** The name that the API has for each agent, by the name it has here. */
  readonly agentNames = new Map<string, string>();
  /** Between agents and coordinator. */
  coordinatorNetwork!: ChaosProxy;
  /** Between agents and emulator. */
  emulatorNetwork: ChaosProxy | undefined;
  /** What the last agent's data is on; undefined where it could not be mounted. */
  smallDisk: SmallDisk | undefined;
  api!: Api;
  readonly #options: ChaosStackOptions;
  #coordinatorReady!: CoordinatorReady;
  #emulatorReady: EmulatorReady | undefined;
  #dispatcher: Agent | undefined;

  private constructor(options: ChaosStackOptions) {
    this.#options = options;
    const { log } = options;
    this.coordinator = new Part({ name: 'coordinator', log, start: (name) => this.#startCoordinator(name) }); // oxfmt-ignore
    if (options.hasEmulator)
      this.emulator = new Part({ name: 'emulator', log, start: (name) => this.#startEmulator(name) }); // oxfmt-ignore
  }

  /** Starts everything, one after another. Throws StartError. */
  static async start(options: ChaosStackOptions): Promise<ChaosStack> {
    const stack = new ChaosStack(options);
    try {
      await Promise.all([stack.coordinator.up(), stack.emulator?.up()]);
      stack.api = connectApi(stack.#coordinatorReady);
      stack.coordinatorNetwork = await ChaosProxy.listen(hostPort(new URL(stack.#coordinatorReady.address).host)); // oxfmt-ignore
      if (stack.#emulatorReady !== undefined)
        stack.emulatorNetwork = await ChaosProxy.listen(
          hostPort(new URL(stack.#emulatorReady.proxy).host),
        );
      for (let number = 1; number <= options.agents; number++) stack.#addAgent(`agent-${number}`);
      stack.#mountSmallDisk();
      await Promise.all(stack.agents.map((agent) => agent.up()));
      return stack;
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  get parts(): Part<unknown>[] {
    const emulator = this.emulator === undefined ? [] : [this.emulator];
    return [this.coordinator, ...emulator, ...this.agents];
  }

  get networks(): ChaosProxy[] {
    return [this.coordinatorNetwork, this.emulatorNetwork].filter((one) => one !== undefined);
  }

  /** What the emulator said when it was started first; its addresses stay. */
  get tenant(): EmulatorReady {
    return this.#emulatorReady!;
  }

  /** Calls the emulator's control address. */
  async control(method: 'GET' | 'PUT' | 'DELETE', name: string, body?: object): Promise<unknown> {
    this.#dispatcher ??= new Agent({ connect: { ca: readFileSync(this.tenant.ca) } });
    const answer = await request(`${this.tenant.control}${name}`, {
      method,
      dispatcher: this.#dispatcher,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`the emulator's control address: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Puts everything in order again: all networks pass, all parts run, nothing is faulty. */
  async heal(): Promise<void> {
    for (const network of this.networks) network.release();
    this.smallDisk?.free();
    for (const agent of this.agents) agent.signal('SIGCONT');
    await Promise.all([this.coordinator.up(), this.emulator?.up()]);
    await Promise.all(this.agents.map((agent) => agent.up()));
    if (this.emulator !== undefined) await this.control('DELETE', 'faults');
    for (const name of this.agentNames.values()) await this.api.agents.enableAgent({ name });
  }

  /** Ends the coordinator and looks at every row of its store. */
  async checkStore(): Promise<void> {
    const { log } = this.#options;
    await Promise.all(this.agents.map((agent) => agent.drain()));
    await this.coordinator.drain();
    const main = path.join(root, 'coordinator', 'main.ts');
    const check = [main, 'check', '--data', this.#data('coordinator')];
    const { status, all } = await runProgram(process.execPath, check, { folder: root, timeoutMs: storeCheckMs }); // oxfmt-ignore
    if (status === 0) log.say('the store has no damaged rows');
    else log.problem(`the store is damaged: ${all.trim()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Agents first, as they have something to finish with the others.
    await Promise.all(this.agents.map((agent) => agent[Symbol.asyncDispose]()));
    await Promise.all(this.parts.map((part) => part[Symbol.asyncDispose]()));
    await Promise.all(this.networks.map((network) => network[Symbol.asyncDispose]()));
    await this.#dispatcher?.destroy();
  }

  #data(name: string): string {
    return path.join(this.#options.folder, name);
  }

  #addAgent(name: string): void {
    const { log } = this.#options;
    this.agents.push(new Part({ name, log, start: (logName) => this.#startAgent(name, logName) }));
  }

  #mountSmallDisk(): void {
    const { log } = this.#options;
    this.smallDisk = SmallDisk.mount(this.#data(this.agents.at(-1)!.name), smallDiskMebibytes);
    if (this.smallDisk === undefined)
      log.say('skipped: no agent gets a full disk, because mounting is not allowed here');
  }

  async #startCoordinator(name: string) {
    const before = this.#coordinatorReady as CoordinatorReady | undefined;
    const coordinator = await startCoordinator({
      name,
      data: this.#data('coordinator'),
      logFolder: this.#data('logs'),
      listen: before === undefined ? '127.0.0.1:0' : new URL(before.address).host,
      arguments: ['--lease-ttl', String(leaseTtlMs / 1000), '--heartbeat-interval', '1'],
    });
    this.#coordinatorReady = coordinator.ready;
    return coordinator;
  }

  async #startEmulator(name: string) {
    const before = this.#emulatorReady;
    const expiry = ['--session-expiry', String(sessionExpiryMs / 1000)];
    const ports = before === undefined ? [] : ['--http-listen', new URL(before.http).host, '--proxy-listen', new URL(before.proxy).host]; // oxfmt-ignore
    const emulator = await startEmulator({
      name,
      data: this.#data('emulator'),
      logFolder: this.#data('logs'),
      listen: before === undefined ? '127.0.0.1:0' : `127.0.0.1:${new URL(before.url).port}`,
      arguments: [...expiry, ...ports],
    });
    this.#emulatorReady ??= emulator.ready;
    return emulator;
  }

  async #startAgent(name: string, logName: string) {
    const data = this.#data(name);
    const { emulatorNetwork, coordinatorNetwork } = this;
    const address = `https://127.0.0.1:${coordinatorNetwork.port}`;
    const signIn =
      emulatorNetwork === undefined
        ? undefined
        : {
            ...emulatorSignIn(this.tenant, 'proxy'),
            proxy: `http://127.0.0.1:${emulatorNetwork.port}`,
          };
    const agent = await startAgent({
      name: logName,
      data,
      logFolder: this.#data('logs'),
      threads: 2,
      coordinator: { ...this.#coordinatorReady, address },
      ...(signIn === undefined ? {} : { signIn }),
      ...(hasJoined(data) ? {} : { joinToken: await createJoinToken(this.api) }),
    });
    this.agentNames.set(name, agent.ready.agent);
    return agent;
  }
}
