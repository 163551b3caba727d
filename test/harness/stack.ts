// A coordinator and agents as real processes, for one test or for the tests of one file.
import path from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ExecutionContext } from 'ava';
import { ItemState, type Item } from '../../gen/drover/v1/item_pb.ts';
import { RunState, RunStateSchema, type Run } from '../../gen/drover/v1/run_pb.ts';
import { TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { hasEnded } from '../../lib/progress-view.ts';
import { allItems, callError, connectApi, type Api } from '../../scripts/api-client.ts';
import type { LocalProcess } from '../../scripts/local-process.ts';
import type { SignIn } from '../../scripts/local-sign-in.ts';
import { createJoinToken, hasJoined, startAgent, startCoordinator, type AgentReady, type CoordinatorReady } from '../../scripts/local-stack.ts'; // oxfmt-ignore

export interface StackOptions {
  /** Everything goes below it. */
  folder: string;
  /** Further arguments of the coordinator. */
  coordinatorArguments?: readonly string[];
}

export interface AgentPlan {
  /** @default `agent` */
  name?: string;
  /** One costs the least to start; more where the test is about them. @default 1 */
  threads?: number;
  userId?: number;
  /** Without it the agent serves folders only. */
  signIn?: SignIn;
  /** Further arguments. */
  arguments?: readonly string[];
}

/** Who stops what a test has started: a test, or `test.after.always` of a file. */
export type Cleanup = (stop: () => Promise<unknown>) => void;

export class Stack {
  readonly #options: StackOptions;
  readonly #cleanup: Cleanup;
  #coordinator: LocalProcess<CoordinatorReady> | undefined;
  #api: Api | undefined;
  #listen = '127.0.0.1:0';

  /** Use `Stack.start`. */
  constructor(options: StackOptions, cleanup: Cleanup) {
    this.#options = options;
    this.#cleanup = cleanup;
  }

  /** Starts a coordinator without agents. */
  static async start(options: StackOptions, cleanup: Cleanup): Promise<Stack> {
    const stack = new Stack(options, cleanup);
    await stack.startCoordinator();
    return stack;
  }

  get coordinator(): LocalProcess<CoordinatorReady> {
    return this.#coordinator!;
  }

  get api(): Api {
    return this.#api!;
  }

  /** The data folder of an agent of that name. */
  folderOf(agent: string): string {
    return path.join(this.#options.folder, agent);
  }

  /** Starts the coordinator, at the address it had before if it was started before. */
  async startCoordinator(): Promise<void> {
    const data = path.join(this.#options.folder, 'coordinator');
    const extra = this.#options.coordinatorArguments ?? [];
    const coordinator = await startCoordinator({ data, listen: this.#listen, arguments: extra });
    this.#cleanup(() => coordinator.stop(5000));
    this.#coordinator = coordinator;
    this.#listen = new URL(coordinator.ready.address).host;
    this.#api = connectApi(coordinator.ready);
  }

  /** Starts an agent; one of the same name goes on with the same data. */
  async startAgent(plan: AgentPlan = {}): Promise<LocalProcess<AgentReady>> {
    const name = plan.name ?? 'agent';
    const data = this.folderOf(name);
    const agent = await startAgent({
      threads: 1,
      ...plan,
      data,
      name,
      logFolder: path.join(this.#options.folder, 'logs'),
      coordinator: this.coordinator.ready,
      ...(hasJoined(data) ? {} : { joinToken: await createJoinToken(this.api) }),
    });
    this.#cleanup(() => agent.stop(5000));
    return agent;
  }

  /** Creates a task; throws the DroverError that the coordinator answers with. */
  async createTask(task: MessageInitShape<typeof TaskSchema>): Promise<string> {
    try {
      return (await this.api.tasks.createTask({ task: create(TaskSchema, task) })).task!.name;
    } catch (thrown) {
      throw callError(thrown);
    }
  }

  async run(name: string): Promise<Run> {
    try {
      return (await this.api.tasks.runTask({ name })).run!;
    } catch (thrown) {
      throw callError(thrown);
    }
  }

  /** Watches the task's latest run until it is as wanted; throws when it ends without having been. */
  async until(name: string, isWanted: (run: Run) => boolean): Promise<Run> {
    const minInterval = { seconds: 0n, nanos: 100_000_000 };
    let last: Run | undefined;
    for await (const { run } of this.api.tasks.watchTask({ name, minInterval })) {
      last = run;
      if (run !== undefined && isWanted(run)) return run;
    }
    throw new Error(`the run ended first: ${describeRun(last)}`);
  }

  async untilEnded(name: string): Promise<Run> {
    return await this.until(name, hasEnded);
  }

  /** Runs a task to its end. */
  async runToEnd(name: string): Promise<Run> {
    await this.run(name);
    return await this.untilEnded(name);
  }

  /** Creates a task for two folders and runs it to its end. */
  async migrate(source: string, destination: string): Promise<{ task: string; run: Run }> {
    const task = await this.createTask({ source, destination });
    return { task, run: await this.runToEnd(task) };
  }

  /** Items of a run by their path. */
  async items(run: Run, state?: ItemState): Promise<Map<string, Item>> {
    const items = await Array.fromAsync(allItems(this.api, run.name, state));
    return new Map(items.map((item) => [item.path, item]));
  }
}

/** A stack of one test. */
export function stackOf(t: ExecutionContext, options: StackOptions): Promise<Stack> {
  return Stack.start(options, (stop) => t.teardown(stop));
}

/** A run in words, for messages of assertions. */
export function describeRun(run: Run | undefined): string {
  if (run === undefined) return 'there is no run';
  const progress = run.progress;
  const counts = `${progress?.succeededItems} succeeded, ${progress?.skippedItems} skipped, ${progress?.failedItems} failed`;
  return `${run.name} ${RunStateSchema.value[run.state]?.localName} (${counts}) ${run.error?.message ?? ''}`;
}

/** Asserts that a run migrated everything. */
export function assertSucceeded(t: ExecutionContext, run: Run): void {
  t.is(run.state, RunState.SUCCEEDED, describeRun(run));
}
