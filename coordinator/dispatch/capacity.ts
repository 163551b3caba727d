// What of the attached agents can work on a task, and how fast. PURE.
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import { threadsOf } from './assign.ts';
import { neededSettings } from './needed-settings.ts';
import type { Capacity } from './plan-estimate.ts';
import { canServe, needOf, type Ability } from './reach.ts';

/** An attached agent that takes work. */
export interface Worker {
  ability: Ability;
  slots: number;
  /** Of one of its threads; undefined before its first lease. */
  speed: { pace: { unitsPerSecond: number | undefined } };
}

/**
 * Who has done nothing yet is thought to be as fast as the others that can serve the task are. `settings` are those of a run, complete: who does
 * not know one that counts does not count. Undefined: whatever they are.
 */
export function capacityFor(
  task: Task,
  settings: TaskSettings | undefined,
  workers: readonly Worker[],
): Capacity {
  const need = { ...needOf(task), settings: neededSettings(settings) };
  const able = workers.filter(({ ability }) => canServe(ability, need));
  const known = able.flatMap(({ speed }) => speed.pace.unitsPerSecond ?? []);
  const usual = known.reduce((sum, one) => sum + one, 0) / known.length;
  const sum = (of: (worker: Worker) => number) =>
    able.reduce((total, worker) => total + of(worker), 0);
  return {
    isTenant: need.locationKinds.includes('sharepoint'),
    threads: sum(threadsOf),
    unitsPerSecond:
      known.length === 0
        ? undefined
        : sum((worker) => threadsOf(worker) * (worker.speed.pace.unitsPerSecond ?? usual)),
  };
}
