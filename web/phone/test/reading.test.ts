import { describe, expect, test } from 'vitest';
import { widthFor } from '../src/views/media.js';
import { clock, readEntry } from '../src/views/recent.js';
import { guestLinkOf } from '../src/views/sign-in.js';
import { doer, named } from '../src/views/story.js';

type Entry = Parameters<typeof readEntry>[0];

const seat = (user: string): Entry['participants'][number] => ({
  ...{ address: `wac-user:${user}`, sessionId: `s-${user}`, createdAt: 0, finishedAt: 60_000 },
  ...{ node: null, quality: null },
});

const invite = (from: string, to: string, error: number | null): Entry['invites'][number] => ({
  ...{ id: 'i', from: `wac-user:${from}`, to: `wac-user:${to}`, group: false, inviteRequest: false, error },
  ...{ candidates: [], mediatypes: { audio: true, video: false }, state: error === 200 ? 'ACCEPTED' : 'DECLINED' },
});

const entry = (invites: Entry['invites'], ...users: string[]): Entry => ({
  ...{ id: 'c', roomId: 'r', owner: 'alice', domains: [], createdAt: 0, finishedAt: 61_000, state: 'finished' },
  ...{ invites, transfers: [], participants: users.map(seat), quality: null },
});

describe('a call of the past', () => {
  test('is outgoing for who called and incoming for who was called', () => {
    const call = entry([invite('alice', 'bob', 200)], 'alice', 'bob');
    expect(readEntry(call, 'alice')).toMatchObject({ others: ['wac-user:bob'], isOutgoing: true, seconds: 61 });
    expect(readEntry(call, 'bob')).toMatchObject({ others: ['wac-user:alice'], isOutgoing: false, isMissed: false });
  });

  test('is missed by who was called and did not come, and says to the caller why', () => {
    const call = entry([invite('alice', 'bob', 486)], 'alice');
    expect(readEntry(call, 'bob')).toMatchObject({ isMissed: true, seconds: 0 });
    expect(readEntry(call, 'alice')).toMatchObject({ isMissed: false, seconds: 0, outcome: 'busy' });
  });

  test('is measured in hours, minutes and seconds', () => {
    expect([0, 7, 187, 3_729].map(clock)).toEqual(['0:00', '0:07', '3:07', '1:02:09']);
  });
});

test('a step of a call names people instead of their addresses, where they are known', () => {
  const nameOf = (id: string) => (id === 'u-1' ? 'Alice' : undefined);
  expect(named('rings wac-user:u-1 and wac-user:u-2', nameOf)).toBe('rings Alice and wac-user:u-2');
});

test('a step of a call says who did it once, and nothing of what nobody did', () => {
  expect(doer({ by: 'wac-user:u-1', text: 'wac-user:u-1 accepts' })).toBe(undefined);
  expect(doer({ by: 'wac-user:u-1', text: 'the party agrees to the transfer' })).toBe('wac-user:u-1');
  expect(doer({ by: 'system:media', text: 'the first media is sent' })).toBe(undefined);
});

test('a picture is asked for in one of a few widths, not less than it is shown', () => {
  expect([0, 160, 161, 900, 2_500].map(widthFor)).toEqual([160, 160, 320, 1_280, 3_840]);
});

test('a link for guests names a domain, and perhaps somebody to call', () => {
  expect(guestLinkOf('?guest=demo&call=bob')).toEqual({ domain: 'demo', call: 'bob' });
  expect(guestLinkOf('?guest=demo')).toEqual({ domain: 'demo', call: undefined });
  expect(guestLinkOf('')).toBeUndefined();
});
