// The agent of serial tests in which agents end: what one test leaves running the next goes on with, because to start one is dear.
import type { LocalProcess } from '../../scripts/local-process.ts';
import type { AgentReady } from '../../scripts/local-stack.ts';

type Agent = LocalProcess<AgentReady>;

export class LastingAgent {
  readonly #start: (name: string) => Promise<Agent>;
  #last: Agent | undefined;

  /** `start` starts the agent of a name, and sees to it that it ends with the file. */
  constructor(start: (name: string) => Promise<Agent>) {
    this.#start = start;
  }

  /** The last one that was started, where it has not ended; else a new one. */
  async running(): Promise<Agent> {
    return this.#last ?? (await this.start('agent'));
  }

  async start(name: string): Promise<Agent> {
    const agent = await this.#start(name);
    this.#last = agent;
    void agent.exited.then(() => {
      if (this.#last === agent) this.#last = undefined;
    });
    return agent;
  }

  async stop(): Promise<void> {
    await this.#last?.stop(5000);
  }
}
