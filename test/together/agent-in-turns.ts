import { runInTurns } from '../harness/together.ts';

await runInTurns('agent');
