// `npm start`: a coordinator and an agent on this machine, and one folder migrated by them while a person watches.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { exitCannotStart, runProcess, type ProcessEdge } from '../lib/process-edge.ts';
import { systemClock } from '../lib/time.ts';
import { reportFile, writeReport } from './item-report.ts';
import { StartError } from './local-process.ts';
import { secretVariable } from './local-sign-in.ts';
import { emulatedPlace, emulatorLines, emulatorNotice } from './quick-start-emulator.ts';
import { parseQuickStart, type QuickStart } from './quick-start-options.ts';
import { allOf, failOnExit, openProcesses, type Processes } from './quick-start-processes.ts';
import { ensureTask, exitStatusOf, failureLines, startOrContinue, summaryLines, watchRun } from './quick-start-run.ts'; // oxfmt-ignore
import { Screen, say } from './quick-start-screen.ts';
import { waitForSignIn } from './quick-start-sign-in.ts';
import { waitsForPerson } from './quick-start-service.ts';
import { makeSampleShare, type SampleSize } from './sample-share.ts';

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
    clientSecret: process.env[secretVariable],
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
  await using owner = new AsyncDisposableStack();
  const isEmulated = plan.service.kind === 'emulator';
  say(
    `Starting a coordinator${isEmulated ? ', an agent and an emulated tenant' : ' and an agent'} …`,
  );
  const processes = await openProcesses(plan, owner);
  if (isEmulated) say(emulatorNotice);
  const screen = new Screen();
  if (waitsForPerson(plan.service)) owner.use(screen.showWordsOf(processes.agent));
  if (plan.sample !== undefined) await makeSample(plan.source, plan.sample);
  if (edge.drain.aborted) return await drain(plan, edge, processes);

  const run = await Promise.race([
    runTask(plan, processes, screen, edge.drain),
    failOnExit(processes, edge),
  ]);
  if (run === undefined) return await drain(plan, edge, processes);

  const status = await conclude(plan, processes, run);
  if (plan.keep) {
    keep(processes);
    owner.move();
  }
  return status;
}

/** Answers with the run when it has ended; undefined when the signal aborted first. */
async function runTask(
  plan: QuickStart,
  { api }: Processes,
  screen: Screen,
  signal: AbortSignal,
): Promise<Run | undefined> {
  const onLate = () => screen.say('Still waiting for the sign-in with the code above …');
  const { service } = plan;
  const patiently = <Answer>(call: () => Promise<Answer>) =>
    waitForSignIn({ service, clock: systemClock, signal, onLate }, call);
  try {
    const wanted = { ...plan, id: plan.taskId };
    const name = await patiently(() => ensureTask(api, wanted, signal));
    say(`Migrating ${plan.source} to ${plan.destination}`);
    if ((await patiently(() => startOrContinue(api, name, signal))) === 'continued')
      say('An earlier run had not come to its end; it goes on.');
    return await watchRun(api, name, (state) => screen.show(state), signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function makeSample(folder: string, size: SampleSize): Promise<void> {
  say(`Making a sample share in ${folder} …`);
  rmSync(folder, { recursive: true, force: true });
  await makeSampleShare(folder, size);
}

async function conclude(plan: QuickStart, { api, emulator }: Processes, run: Run): Promise<number> {
  const status = exitStatusOf(run);
  const report = reportFile(path.join(plan.data, 'reports'), run.name);
  await writeReport(api, run.name, report);
  if (run.state === RunState.CANCELLED) say('The run was cancelled.');
  const place =
    emulator === undefined ? undefined : emulatedPlace(plan.destination, emulator.ready);
  say(['', ...summaryLines(run, report, place)].join('\n'));
  const failures = await failureLines(api, run);
  if (failures.length > 0) say(['', 'These items failed:', ...failures].join('\n'));
  return status;
}

/** Ends all, the one who works first; a second signal does not wait for what is going. */
async function drain(plan: QuickStart, edge: ProcessEdge, processes: Processes): Promise<number> {
  say('\nStopping: what is being copied is finished first; Ctrl-C again stops at once.');
  for (const one of allOf(processes)) {
    one.signal('SIGTERM');
    const hurried = new Promise((resolve) => {
      if (edge.stop.aborted) resolve(undefined);
      else edge.stop.addEventListener('abort', resolve, { once: true });
    });
    await Promise.race([one.exited, hurried]);
    await one.stop();
  }
  const again = plan.sample === undefined ? '; the same command goes on where it stopped' : '';
  say(`Stopped. What was migrated stays migrated${again}.`);
  return exitInterrupted;
}

function keep(processes: Processes): void {
  const { coordinator, emulator } = processes;
  for (const one of allOf(processes)) one.release();
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
      ...(emulator === undefined ? [] : emulatorLines(emulator.ready)),
      `Stop them with     kill ${allOf(processes).map(({ pid }) => pid).join(' ')}`, // oxfmt-ignore
    ].join('\n'),
  );
}
