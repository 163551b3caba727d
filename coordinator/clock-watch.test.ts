import test from 'ava';
import { create } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { AuditHeadRowSchema } from '../gen/drover/store/v1/rows_pb.ts';
import { AuditEntrySchema } from '../gen/drover/v1/audit_pb.ts';
import { timestampFromMs } from '../lib/time.ts';
import { ClockWatch } from './clock-watch.ts';

const minuteMs = 60_000;

/** A watch over a clock that the test moves; the latest entry of the audit log is of that time, or there is none. */
async function watch(latestMs: number | undefined) {
  const lines: { msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
  let due: (() => void) | undefined;
  const clock = {
    nowMs: 1_000 * minuteMs,
    steadyMs: 7,
    now: () => clock.nowMs,
    steady: () => clock.steadyMs,
    after: (_: number, callback: () => void) => {
      due = callback;
      return () => (due = undefined);
    },
  };
  const entry = create(AuditEntrySchema, { number: 7n, ...(latestMs === undefined ? {} : { time: timestampFromMs(latestMs) }) }); // oxfmt-ignore
  const store = {
    auditHead: async () => latestMs === undefined ? undefined : create(AuditHeadRowSchema, { number: 7n }), // oxfmt-ignore
    auditEntries: async (after: bigint) => (after === 6n ? [entry] : []),
  };
  const watching = await ClockWatch.start({ store, clock, log });
  const said = () => lines.splice(0).map(({ msg }) => msg);
  /** A minute passes, or as long as is said, and so long by the clock. */
  const pass = (ms: number, steadyMs = minuteMs) => {
    clock.nowMs += ms;
    clock.steadyMs += steadyMs;
    due!();
    return said();
  };
  return { watching, said, pass, isWaiting: () => due !== undefined };
}

test('a clock that is behind the latest entry of the audit log at the start is told of', async (t) => {
  t.deepEqual((await watch(undefined)).said(), []);
  t.deepEqual((await watch(999 * minuteMs)).said(), []);
  t.deepEqual((await watch(1_000.5 * minuteMs)).said(), []);
  t.regex((await watch(2_440 * minuteMs)).said().join(), /^this computer's clock is 1 d 00 h behind the latest entry of the audit log/); // oxfmt-ignore
});

test('a clock that is set is told of, once, and what comes of it; a computer that was busy for long is not', async (t) => {
  const { watching, pass, isWaiting } = await watch(undefined);
  t.deepEqual(pass(minuteMs), []);
  t.deepEqual(pass(minuteMs + 5_000), []);
  t.deepEqual(pass(90 * minuteMs, 90 * minuteMs), []);
  t.regex(
    pass(minuteMs - 1_440 * minuteMs).join(),
    /^this computer's clock was set back by 1 d 00 h: certificates/,
  );
  t.deepEqual(pass(minuteMs), []);
  t.regex(pass(61 * minuteMs).join(), /^this computer's clock went 1 h.* further than it should/);
  t.true(isWaiting());
  watching.close();
  t.false(isWaiting());
});
