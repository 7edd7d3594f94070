import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { watchNetwork } from '../../src/session/network.js';
import { Backoff } from '../../src/transport/backoff.js';
import { afterClose } from '../../src/transport/close-codes.js';
import { Cursor } from '../../src/transport/cursor.js';
import { requestId } from '../../src/transport/frames.js';
import { Heartbeat } from '../../src/transport/heartbeat.js';
import { addresses, Servers } from '../../src/transport/servers.js';
import type { WebSocketConstructor } from '../../src/transport/socket.js';

afterEach(() => {
  vi.useRealTimers();
});

test('pauses grow to a bound, are spread over its upper half, and start small after a success', () => {
  const longest = new Backoff({ firstMs: 100, maxMs: 1_000, factor: 3 }, () => 1);
  expect([longest.next(), longest.next(), longest.next(), longest.next()]).toEqual([100, 300, 900, 1_000]);
  longest.reset();
  expect(longest.next()).toBe(100);
  const shortest = new Backoff({ firstMs: 100 }, () => 0);
  expect(shortest.next()).toBe(50);
});

test('every close code of the protocol has its consequence, and unknown ones are cut connections', () => {
  const consequences = [1000, 1006, 1012, 4400, 4401, 4403, 4408, 4409, 4410, 4413, 4429, 4999].map(
    code => `${code} ${afterClose(code).next}`,
  );
  expect(consequences).toEqual([
    '1000 again',
    '1006 again',
    '1012 elsewhere',
    '4400 drop-sent',
    '4401 end',
    '4403 end',
    '4408 again',
    '4409 resync',
    '4410 resync',
    '4413 drop-sent',
    '4429 wait',
    '4999 again',
  ]);
});

test('a cursor takes what is new and nothing else', () => {
  const cursor = new Cursor(5);
  expect(cursor.accept(5, 'a')).toBe(true);
  expect(cursor.accept(5, 'a')).toBe(false);
  expect(cursor.accept(4, 'b')).toBe(false);
  expect(cursor.accept(7, 'a')).toBe(true);
  expect(cursor.accept(7, 'b')).toBe(true);
  expect(cursor.position).toBe(7);
  cursor.startAt(3);
  expect(cursor.accept(3, 'c')).toBe(true);
  cursor.forget();
  expect(cursor.position).toBeUndefined();
});

test('addresses of both kinds come from either kind of base', () => {
  expect(addresses('https://wac.example', '/qss', true)).toEqual(['wss://wac.example/qss']);
  expect(addresses(['http://a:8000/base/', 'ws://b'], '/wapi', true)).toEqual(['ws://a:8000/base/wapi', 'ws://b/wapi']);
  expect(addresses('wss://wac.example', '/sapi', false)).toEqual(['https://wac.example/sapi']);
  expect(() => addresses([], '/qss', true)).toThrow(/at least one/);
  expect(() => addresses('nonsense', '/qss', true)).toThrow();
});

test('servers are tried in turn from a random one on', () => {
  const servers = new Servers(['a', 'b', 'c'], () => 0.5);
  const seen = [0, 1, 2, 3].map(() => {
    const { current } = servers;
    servers.advance();
    return current;
  });
  expect(seen).toEqual(['b', 'c', 'a', 'b']);
});

test('request ids do not repeat', () => {
  const ids = new Set(Array.from({ length: 1_000 }, requestId));
  expect(ids.size).toBe(1_000);
});

test('a heartbeat asks only a silent socket, and waits for any answer', async () => {
  vi.useFakeTimers();
  const [ask, dead] = [vi.fn(), vi.fn()];
  const heartbeat = new Heartbeat({ idleMs: 100, answerMs: 50 }, ask, dead);
  heartbeat.askNow();
  expect(ask).not.toHaveBeenCalled();
  heartbeat.start();
  await vi.advanceTimersByTimeAsync(80);
  heartbeat.heard();
  await vi.advanceTimersByTimeAsync(90);
  expect(ask).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(10);
  expect(ask).toHaveBeenCalledTimes(1);
  heartbeat.askNow();
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(40);
  heartbeat.heard();
  await vi.advanceTimersByTimeAsync(40);
  expect(dead).not.toHaveBeenCalled();
  heartbeat.askNow();
  await vi.advanceTimersByTimeAsync(50);
  expect(dead).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ask).toHaveBeenCalledTimes(2);
});

test('a heartbeat that has stopped does nothing', async () => {
  vi.useFakeTimers();
  const ask = vi.fn();
  const heartbeat = new Heartbeat({}, ask, ask);
  heartbeat.start();
  heartbeat.stop();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(ask).not.toHaveBeenCalled();
});

test('a browser tells when its network comes and goes, and when a page is looked at again', () => {
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  const window = Object.assign(new EventTarget(), { document });
  const seen: string[] = [];
  const stop = watchNetwork(window, { offline: () => seen.push('offline'), wake: () => seen.push('wake') });
  window.dispatchEvent(new Event('offline'));
  window.dispatchEvent(new Event('online'));
  document.dispatchEvent(new Event('visibilitychange'));
  document.visibilityState = 'visible';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(seen).toEqual(['offline', 'wake', 'wake']);
  stop();
  window.dispatchEvent(new Event('offline'));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(seen.length).toBe(3);
  watchNetwork({}, { offline: () => {}, wake: () => {} })();
});

test('the WebSocket of the package ws and that of browsers both fit', () => {
  const ofNode: WebSocketConstructor = WebSocket;
  const ofBrowsers: WebSocketConstructor | undefined = globalThis.WebSocket;
  expect([typeof ofNode, typeof ofBrowsers]).toContain('function');
});
