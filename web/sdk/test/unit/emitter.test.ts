import { expect, test, vi } from 'vitest';
import { Emitter } from '../../src/index.js';

class Bell extends Emitter<{ ring: number; over: undefined }> {
  ring(times: number): void {
    this.emit('ring', times);
  }
}

test('a listener is called until it is taken away', () => {
  const bell = new Bell();
  const heard: number[] = [];
  const stop = bell.on('ring', times => heard.push(times));
  bell.ring(1);
  stop();
  stop();
  bell.ring(2);
  expect(heard).toEqual([1]);
});

test('one function can listen twice, and each time ends by itself', () => {
  const bell = new Bell();
  const listener = vi.fn();
  const stop = bell.on('ring', listener);
  bell.on('ring', listener);
  bell.ring(1);
  stop();
  bell.ring(2);
  expect(listener).toHaveBeenCalledTimes(3);
});

test('a listener that is added or removed while one is told changes nothing of that round', () => {
  const bell = new Bell();
  const late = vi.fn();
  const stop = bell.on('ring', () => {
    stop();
    bell.on('ring', late);
  });
  bell.ring(1);
  expect(late).not.toHaveBeenCalled();
});

test('a listener that throws is reported, and the others are told', () => {
  const bell = new Bell();
  const report = vi.fn();
  vi.stubGlobal('reportError', report);
  const other = vi.fn();
  bell.on('ring', () => {
    throw new Error('bug');
  });
  bell.on('ring', other);
  bell.ring(1);
  expect(other).toHaveBeenCalledWith(1);
  expect(report).toHaveBeenCalledWith(new Error('bug'));
  vi.unstubAllGlobals();
});

test('once gives the next event, or is given up', async () => {
  const bell = new Bell();
  const next = bell.once('ring');
  bell.ring(7);
  bell.ring(8);
  expect(await next).toBe(7);
  const controller = new AbortController();
  const given = bell.once('ring', { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await expect(bell.once('ring', { signal: controller.signal })).rejects.toThrow('enough');
});

test('an iteration gives every event from its beginning to its end', async () => {
  const bell = new Bell();
  const controller = new AbortController();
  const events = bell.events('ring', { signal: controller.signal });
  bell.ring(1);
  bell.ring(2);
  const heard: number[] = [];
  for await (const times of events) {
    heard.push(times);
    if (times === 2) setTimeout(() => bell.ring(3));
    if (times === 3) controller.abort();
  }
  expect(heard).toEqual([1, 2, 3]);
  expect(await bell.events('ring', { signal: controller.signal }).next()).toEqual({ done: true, value: undefined });
});

test('leaving an iteration ends it', async () => {
  const bell = new Bell();
  const events = bell.events('ring');
  bell.ring(1);
  for await (const _ of events) break;
  bell.ring(2);
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

test('an iteration that nobody reads drops the oldest events', async () => {
  const bell = new Bell();
  const events = bell.events('ring');
  for (let times = 1; times <= 1_002; times += 1) bell.ring(times);
  expect(await events.next()).toEqual({ done: false, value: 3 });
});
