import test from 'ava';
import { chunkFailure, type ChunkFailure } from './chunk-failure.ts';
import { graphFailure, NoAnswer } from './graph-error.ts';

const failures: Record<number, ChunkFailure> = {
  400: 'refused',
  401: 'lost',
  403: 'refused',
  404: 'unknown',
  409: 'taken',
  412: 'taken',
  413: 'refused',
  416: 'elsewhere',
  423: 'refused',
  500: 'overwhelmed',
  501: 'refused',
  502: 'overwhelmed',
  503: 'overwhelmed',
  504: 'overwhelmed',
  507: 'refused',
};
for (const [status, failure] of Object.entries(failures))
  test(`${status} for a chunk: ${failure}`, (t) =>
    t.is(chunkFailure(graphFailure(Number(status), undefined, 'id')), failure));

test('no answer to a chunk may come of its size, and anything else is not about the chunk', (t) => {
  t.is(chunkFailure(new NoAnswer('ECONNRESET', 'id', undefined)), 'overwhelmed');
  t.is(chunkFailure(new Error('sign-in')), 'refused');
});
