import { runInTurns } from '../harness/together.ts';

await runInTurns('coordinator');
