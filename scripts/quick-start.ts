// `npm start`: a coordinator and an agent on this machine, and one folder migrated by them while a person watches.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { DroverError, reasonName } from '../lib/error.ts';
import { exitCannotStart, runProcess, type ProcessEdge } from '../lib/process-edge.ts';
import { connectApi, type Api } from './api-client.ts';
import { reportFile, writeReport } from './item-report.ts';
import { LiveDisplay } from './live-display.ts';
import { StartError, describeExit, type LocalProcess } from './local-process.ts';
import { createJoinToken, hasJoined, startAgent, startCoordinator, type AgentReady, type CoordinatorReady } from './local-stack.ts'; // prettier-ignore
import { parseQuickStart, type QuickStart } from './quick-start-options.ts';
import { ensureTask, exitStatusOf, failureLines, startOrContinue, summaryLines, watchRun } from './quick-start-run.ts'; // prettier-ignore
import { makeSampleShare } from './sample-share.ts';

/** Exit status when the person stopped it, as a shell gives it for SIGINT. */
const exitInterrupted = 130;
const root = path.dirname(import.meta.dirname);

await runProcess('drover', process, main);

async function main(edge: ProcessEdge): Promise<number> {
  const plan = parseQuickStart(process.argv.slice(2), {
    root,
    // npm changes to the project's folder, and leaves here where the person stood.
    startFolder: process.env['INIT_CWD'] ?? process.cwd(),
    nowMs: Date.now(),
  });
  if (typeof plan === 'number') return plan;
  try {
    return await migrate(plan, edge);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`drover: ${error.message}\n`);
    return exitCannotStart;
  }
}

async function migrate(plan: QuickStart, edge: ProcessEdge): Promise<number> {
  await using processes = new AsyncDisposableStack();
  const coordinator = processes.use(await openCoordinator(plan));
  const api = connectApi(coordinator.ready);
  const agent = processes.use(await openAgent(plan, coordinator, api));
  if (plan.sampleFolder !== undefined) makeSample(plan.sampleFolder);
  if (edge.drain.aborted) return await drain(plan, edge, [agent, coordinator]);

  const name = await ensureTask(api, { ...plan, id: plan.taskId });
  say(`Migrating ${plan.source} to ${plan.destination}`);
  if ((await startOrContinue(api, name)) === 'continued')
    say('An earlier run had not come to its end; it goes on.');
  const display = new LiveDisplay(process.stdout, () => performance.now());
  const run = await Promise.race([
    watchRun(api, name, (state) => display.show(state), edge.drain),
    failOnExit(coordinator, edge),
    failOnExit(agent, edge),
  ]);
  if (run === undefined) return await drain(plan, edge, [agent, coordinator]);

  const status = await conclude(plan, api, run);
  if (plan.keep) {
    keep(coordinator, agent);
    processes.move();
  }
  return status;
}

/** Starts the coordinator; the data of earlier samples is wiped, as soon as it is certain that nobody uses it. */
async function openCoordinator(plan: QuickStart): Promise<LocalProcess<CoordinatorReady>> {
  say('Starting a coordinator and an agent …');
  if (plan.isDataDisposable && existsSync(plan.data)) {
    await proveUnused(plan.data);
    rmSync(plan.data, { recursive: true });
  }
  return await startCoordinator({ data: plan.data });
}

/** Throws StartError when a coordinator uses the data folder: its lock is what decides that, so one is started there. */
async function proveUnused(data: string): Promise<void> {
  try {
    await using _probe = await startCoordinator({ data, name: 'probe' });
  } catch (error) {
    const isLocked =
      error instanceof StartError &&
      error.words.includes(reasonName(ErrorReason.DATA_FOLDER_LOCKED));
    if (isLocked) throw error;
  }
}

async function openAgent(
  plan: QuickStart,
  coordinator: LocalProcess<CoordinatorReady>,
  api: Api,
): Promise<LocalProcess<AgentReady>> {
  const data = path.join(plan.data, 'agent');
  const joining = hasJoined(data) ? {} : { joinToken: await createJoinToken(api) };
  const logFolder = path.join(plan.data, 'logs');
  return await startAgent({ data, coordinator: coordinator.ready, logFolder, ...joining });
}

function makeSample(folder: string): void {
  say(`Making a sample share in ${folder} …`);
  rmSync(folder, { recursive: true, force: true });
  makeSampleShare(path.join(folder, 'source'));
}

/** Never resolves; rejects when the process ends although nobody told it to. */
async function failOnExit(owned: LocalProcess<unknown>, edge: ProcessEdge): Promise<never> {
  const exit = await owned.exited;
  if (edge.drain.aborted) return await new Promise<never>(() => {});
  throw new DroverError(
    ErrorReason.UNAVAILABLE,
    `the ${owned.name} ended with ${describeExit(exit)} while the run was going; its log is ${owned.logFile}`,
  );
}

async function conclude(plan: QuickStart, api: Api, run: Run): Promise<number> {
  const status = exitStatusOf(run);
  const report = reportFile(path.join(plan.data, 'reports'), run.name);
  await writeReport(api, run.name, report);
  if (run.state === RunState.CANCELLED) say('The run was cancelled.');
  say(['', ...summaryLines(run, report)].join('\n'));
  const failures = await failureLines(api, run);
  if (failures.length > 0) say(['', 'These items failed:', ...failures].join('\n'));
  return status;
}

/** Ends both, the one who works first; a second signal does not wait for what is going. */
async function drain(
  plan: QuickStart,
  edge: ProcessEdge,
  owned: LocalProcess<unknown>[],
): Promise<number> {
  say('\nStopping: what is being copied is finished first; Ctrl-C again stops at once.');
  for (const one of owned) {
    one.signal('SIGTERM');
    const hurried = new Promise((resolve) => {
      if (edge.stop.aborted) resolve(undefined);
      else edge.stop.addEventListener('abort', resolve, { once: true });
    });
    await Promise.race([one.exited, hurried]);
    await one.stop();
  }
  const again =
    plan.sampleFolder === undefined ? '; the same command goes on where it stopped' : '';
  say(`Stopped. What was migrated stays migrated${again}.`);
  return exitInterrupted;
}

function keep(coordinator: LocalProcess<CoordinatorReady>, agent: LocalProcess<AgentReady>): void {
  coordinator.release();
  agent.release();
  const { address, data, authorityFile, tokenFile } = coordinator.ready;
  say(
    [
      '',
      'Coordinator and agent are still running:',
      `  address          ${address}`,
      `  authority        ${authorityFile}`,
      `  admin token      ${tokenFile}`,
      `  logs             ${path.dirname(coordinator.logFile)}`,
      `  look around      npx drover --data ${JSON.stringify(data)} tasks list`,
      `  stop them        kill ${agent.pid} ${coordinator.pid}`,
    ].join('\n'),
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
