import { expect, test } from 'vitest';
import { Early, Remembered } from '../../src/conferences/early.js';
import { Roster } from '../../src/conferences/roster.js';
import { abortable, deferred } from '../../src/deferred.js';
import { BusyError, InvalidRequestError, InvitationError, refusal, ServerError, WacError } from '../../src/index.js';

test('the same list again changes nothing in a roster', () => {
  const roster = new Roster('me');
  const list = [
    { userId: 'me', owner: true, held: false, muted: { audio: true, video: false }, devices: 1 },
    { userId: 'you', owner: false, held: true, muted: { audio: false, video: true }, devices: 2 },
  ];
  const first = roster.replace(list).map(({ what, participant }) => `${what} ${participant.userId}`);
  expect(first).toEqual(['joined me', 'muted me', 'joined you', 'held you', 'muted you']);
  expect(roster.replace(list)).toEqual([]);
  expect(roster.replace([]).map(({ what }) => what)).toEqual(['left', 'left']);
});

test('what a roster hears of strangers changes nothing', () => {
  const roster = new Roster('me');
  expect([...roster.leave('x'), ...roster.hold('x', true), ...roster.mute('x', 'audio', true)]).toEqual([]);
});

test('early outcomes are handed out once, and the oldest go when there are too many', () => {
  const early = new Early<number>();
  for (let n = 0; n < 65; n += 1) early.keep(`i-${n}`, n);
  expect(early.take('i-0')).toBeUndefined();
  expect(early.take('i-1')).toBe(1);
  expect(early.take('i-1')).toBeUndefined();
});

test('ids are remembered up to a bound', () => {
  const remembered = new Remembered();
  expect(remembered.isNew('a')).toBe(true);
  expect(remembered.isNew('a')).toBe(false);
  for (let n = 0; n < 1_000; n += 1) remembered.isNew(String(n));
  expect(remembered.isNew('a')).toBe(true);
});

test('refusals keep what the server said', () => {
  const problem = { type: 'https://x/problems/busy', title: 'Busy', code: 'in_a_call', detail: 'Bob is in a call.' };
  const busy = refusal(486, problem, 'invite');
  expect(busy).toBeInstanceOf(BusyError);
  expect(busy).toBeInstanceOf(InvitationError);
  expect(busy).toMatchObject({ name: 'BusyError', code: 'in_a_call', status: 486, problem, retryable: false });
  expect(busy.message).toBe('invite: Bob is in a call.');
  expect(refusal(603).message).toBe('Declined');
  expect(refusal(500)).toBeInstanceOf(ServerError);
  expect(refusal(503)).toMatchObject({ retryable: true });
  expect(refusal(418)).toBeInstanceOf(InvalidRequestError);
  expect(new WacError('x')).toMatchObject({ code: 'error', retryable: false });
  expect(new WacError('x', { cause: 'y' }).cause).toBe('y');
});

test('an abandoned wait does not disturb what was waited for', async () => {
  const { promise, resolve } = deferred<number>();
  const controller = new AbortController();
  const wait = abortable(promise, controller.signal);
  controller.abort(new Error('enough'));
  await expect(wait).rejects.toThrow('enough');
  resolve(3);
  expect(await abortable(promise, new AbortController().signal)).toBe(3);
});
