import { runTogether } from '../harness/together.ts';

await runTogether('agent/destination/sharepoint');
