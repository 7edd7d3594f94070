import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConnectionLostError, LoginError, SessionEndedError } from '../../src/index.js';
import { type Fetch, OAuth } from '../../src/transport/oauth.js';
import { Servers } from '../../src/transport/servers.js';
import { Tokens } from '../../src/transport/tokens.js';

/** What a fake `fetch` does with a request: an answer, or no network. */
type Answer = { status: number; body?: unknown; retryAfter?: string } | 'no network';

let asked: string[];
let answers: Answer[];

const fetch: Fetch = async (url, { body }) => {
  const parameters = new URLSearchParams(body);
  asked.push(`${url} ${parameters.get('grant_type') ?? ''} ${parameters.get('client_id') ?? ''}`.trim());
  const answer = answers.shift() ?? { status: 500 };
  if (answer === 'no network') throw new TypeError('fetch failed');
  const { status, body: text, retryAfter = null } = answer;
  return { status, headers: { get: () => retryAfter }, json: async () => text };
};

const oauth = (...urls: string[]): OAuth => new OAuth(new Servers(urls, () => 0), fetch, undefined, 1_000);
const pair = (n: number) => ({ status: 200, body: { access_token: `a${n}`, refresh_token: `r${n}`, expires_in: 100 } });

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  asked = [];
  answers = [];
});

afterEach(() => {
  vi.useRealTimers();
});

test('a login tries the next server when one is not there, and says so when none is', async () => {
  answers = ['no network', pair(1)];
  expect(await oauth('a', 'b').open({ grant_type: 'password' })).toEqual({
    accessToken: 'a1',
    refreshToken: 'r1',
    expiresAt: 100_000,
  });
  expect(asked).toEqual(['a/o/token password', 'b/o/token password']);
  answers = ['no network', 'no network'];
  await expect(oauth('a', 'b').open({})).rejects.toBeInstanceOf(ConnectionLostError);
});

test('a refusal is final; one for now says how long to wait', async () => {
  answers = [{ status: 400, body: { error: 'invalid_grant', error_description: 'No.' } }];
  await expect(oauth('a', 'b').open({})).rejects.toMatchObject({
    code: 'invalid_grant',
    message: 'No.',
    retryable: false,
  });
  expect(asked.length).toBe(1);
  answers = [{ status: 429, body: { error: 'too_many_attempts' }, retryAfter: '7' }];
  await expect(oauth('a').open({})).rejects.toMatchObject({ name: 'LoginError', retryable: true, retryAfterMs: 7_000 });
  answers = [{ status: 503, body: undefined }];
  await expect(oauth('a').open({})).rejects.toMatchObject({ name: 'ServerError', code: '503', retryable: true });
  answers = [{ status: 200, body: {} }];
  await expect(oauth('a').open({})).rejects.toMatchObject({ code: 'no_token' });
});

test('a client of its own is named in every request', async () => {
  const own = new OAuth(new Servers(['a']), fetch, 'phone', 1_000);
  answers = [pair(1), { status: 200, body: {} }];
  await own.open({ grant_type: 'password' });
  await own.revoke('r1');
  expect(asked).toEqual(['a/o/token password phone', 'a/o/revoke  phone']);
});

test('a token that works for a while is used, one that is about to end is renewed first, once for all', async () => {
  const tokens = new Tokens(oauth('a'), { accessToken: 'a0', refreshToken: 'r0', expiresAt: 40_000 }, undefined);
  expect(await tokens.current()).toBe('a0');
  vi.setSystemTime(11_000);
  answers = [pair(1)];
  expect(await Promise.all([tokens.current(), tokens.current()])).toEqual(['a1', 'a1']);
  expect(asked).toEqual(['a/o/token refresh_token']);
});

test('tokens are renewed in time although nobody asks, and again after a failure', async () => {
  const tokens = new Tokens(oauth('a'), { accessToken: 'a0', refreshToken: 'r0', expiresAt: 100_000 }, undefined);
  const changed = vi.fn();
  tokens.on('changed', changed);
  tokens.start();
  answers = [{ status: 503 }, { status: 200, body: { active: true } }, pair(1), pair(2)];
  await vi.advanceTimersByTimeAsync(79_000);
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual(['a/o/token refresh_token']);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(changed).toHaveBeenCalledWith({ accessToken: 'a1', refreshToken: 'r1', expiresAt: 210_000 });
  await vi.advanceTimersByTimeAsync(80_000);
  expect(changed).toHaveBeenCalledTimes(2);
  tokens.stop();
  await vi.advanceTimersByTimeAsync(200_000);
  expect(changed).toHaveBeenCalledTimes(2);
});

test('a refresh token whose use was not answered is not used again before it is known to work', async () => {
  const used = new Tokens(oauth('a'), { accessToken: 'a0', refreshToken: 'r0' }, undefined);
  const ended = vi.fn();
  used.on('ended', ended);
  answers = ['no network'];
  await expect(used.renew()).rejects.toBeInstanceOf(ConnectionLostError);
  answers = [{ status: 200, body: { active: false } }];
  await expect(used.renew()).rejects.toMatchObject({ name: 'SessionEndedError', code: 'renewal_lost' });
  expect(ended).toHaveBeenCalledTimes(1);
  expect(asked).toEqual(['a/o/token refresh_token', 'a/o/introspect']);
});

test('a renewal that is refused ends the session, one that is refused for now does not', async () => {
  const tokens = new Tokens(oauth('a'), { accessToken: 'a0', refreshToken: 'r0' }, undefined);
  answers = [{ status: 429, body: { error: 'too_many_attempts' } }];
  await expect(tokens.renew()).rejects.toBeInstanceOf(LoginError);
  answers = [{ status: 400, body: { error: 'invalid_grant' } }];
  await expect(tokens.renew()).rejects.toBeInstanceOf(SessionEndedError);
});

test('a refused socket makes the token be checked: by one question for all, and renewed only if it does not work', async () => {
  const tokens = new Tokens(oauth('a'), { accessToken: 'a0', refreshToken: 'r0' }, undefined);
  answers = [{ status: 200 }];
  await Promise.all([tokens.check(), tokens.check()]);
  expect(asked).toEqual(['a/domains?limit=1']);
  answers = [{ status: 401 }, pair(1)];
  await tokens.check();
  expect(tokens.set?.accessToken).toBe('a1');
  answers = [{ status: 503 }];
  await expect(tokens.check()).rejects.toMatchObject({ status: 503 });
});

test('a callback that gives the same useless token again ends the session', async () => {
  const getToken = vi.fn(async () => 'same');
  const tokens = new Tokens(oauth('a'), undefined, getToken);
  expect(await tokens.current()).toBe('same');
  expect(await tokens.current()).toBe('same');
  expect(getToken).toHaveBeenCalledTimes(1);
  answers = [{ status: 401 }];
  await expect(tokens.check()).rejects.toMatchObject({ code: 'token_ended' });
});

test('a bare token is used to its end, and without any there is no session', async () => {
  const bare = new Tokens(oauth('a'), { accessToken: 'a0', expiresAt: 1 }, undefined);
  expect(await bare.current()).toBe('a0');
  await expect(new Tokens(oauth('a'), undefined, undefined).current()).rejects.toMatchObject({ code: 'no_token' });
});
