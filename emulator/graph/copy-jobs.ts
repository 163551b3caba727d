// Copies run behind the answer; a monitor address tells how far they are, to anybody who has it.
import { randomUUID } from 'node:crypto';
import type { Logger } from '../../lib/log.ts';
import { checkCopy, copyItem, type CopyOptions } from '../drive/copy-item.ts';
import { DriveError } from '../drive/drive-error.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import { json } from './call.ts';

interface CopyJob {
  status: 'inProgress' | 'completed' | 'failed';
  doneBytes: number;
  totalBytes: number;
  resourceId?: string;
  errorCode?: string;
  message?: string;
}

/** Finished copies that are remembered. */
const jobsMax = 1000;

/** The copies of this process. */
export class CopyJobs {
  readonly #log: Logger;
  readonly #jobs = new Map<string, CopyJob>();
  readonly #running = new Set<Promise<void>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Begins a copy and answers with the id of its monitor. Throws DriveError when it would fail at once. */
  start(options: Omit<CopyOptions, 'onBytes'>): string {
    const job: CopyJob = { status: 'inProgress', doneBytes: 0, totalBytes: options.item.size };
    const full = { ...options, onBytes: (bytes: number) => (job.doneBytes += bytes) };
    checkCopy(full);
    const id = randomUUID();
    this.#jobs.set(id, job);
    this.#forgetOldest();
    const running = this.#run(full, job).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return id;
  }

  /** How far a copy is. */
  answer(id: string): Reply {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new DriveError('itemNotFound', 'There is no such operation.');
    const { status, doneBytes, totalBytes, resourceId, errorCode, message } = job;
    if (status === 'completed') return json(200, { percentageComplete: 100, resourceId, status });
    if (status === 'failed')
      return json(200, { status, errorCode, error: { code: errorCode, message } });
    const percentageComplete = totalBytes === 0 ? 0 : Math.round((doneBytes / totalBytes) * 1000) / 10; // oxfmt-ignore
    return json(202, { percentageComplete, status });
  }

  /** Waits for what is running. */
  async close(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #run(options: CopyOptions, job: CopyJob): Promise<void> {
    try {
      const item = await copyItem(options);
      job.status = 'completed';
      job.resourceId = item.id;
    } catch (error) {
      job.status = 'failed';
      job.errorCode = error instanceof DriveError ? error.code : 'generalException';
      job.message = error instanceof Error ? error.message : String(error);
      if (!(error instanceof DriveError)) this.#log.error({ err: error }, 'a copy failed');
    }
  }

  #forgetOldest(): void {
    if (this.#jobs.size <= jobsMax) return;
    for (const [id, job] of this.#jobs)
      if (job.status !== 'inProgress') {
        this.#jobs.delete(id);
        return;
      }
  }
}

const monitorPath = /\/_api\/v2\.[01]\/monitor\/([0-9a-f-]{36})$/;

/** The copy that an address asks after; undefined when it is no monitor address. */
export function monitorOf({ url }: Exchange): string | undefined {
  return monitorPath.exec(url.pathname)?.[1];
}
