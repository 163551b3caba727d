import test from 'ava';
import { Room, roomOf } from './room.ts';

test('after a refusal only smaller files are worth trying, for a while', (t) => {
  const room = new Room();
  t.is(room.tooSmallFor(1e9, 0), undefined);
  room.refused(1000, 0);
  t.is(room.tooSmallFor(1000, 1), 1000);
  t.is(room.tooSmallFor(5000, 1), 1000);
  t.is(room.tooSmallFor(999, 1), undefined);
  room.refused(400, 10_000);
  t.is(room.tooSmallFor(500, 10_001), 400);
  // One that was on its way already does not make the rest hopeful.
  room.refused(2000, 20_000);
  t.is(room.tooSmallFor(500, 20_001), 400);
  t.is(room.tooSmallFor(500, 49_999), 400);
  t.is(room.tooSmallFor(500, 50_000), undefined);
  room.refused(3000, 60_000);
  t.is(room.tooSmallFor(500, 60_001), undefined);
});

test('each run has its own, and old ones are forgotten', (t) => {
  const first = roomOf('tasks/a/runs/1');
  t.is(roomOf('tasks/a/runs/1'), first);
  for (let run = 2; run <= 17; run++) t.not(roomOf(`tasks/a/runs/${run}`), first);
  t.not(roomOf('tasks/a/runs/1'), first);
});
