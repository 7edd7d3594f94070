import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_CHROMIUM } from '../browser/support.js';
import { DATABASE_URL, Deployment, type Node } from './cluster.js';
import { BINARY } from './process.js';
import { eventually, Stage, sees, show, userOf, type Window } from './stage.js';

declare const window: Window;

const PATIENCE_MS = 90_000;
/** From the death of a media node until both see one another again, in milliseconds: on a machine at rest, and on any. */
const TALKING_AGAIN_MAX_MS = process.env['WAC_TEST_AT_REST'] ? 5_000 : 60_000;
const ALICES = ['#e00000', '#00c000', '#0000e0', '#ffffff'];
const BOBS = ['#0000e0', '#ffffff', '#e00000', '#00c000'];

const ready = BINARY !== undefined && DATABASE_URL !== undefined && HAS_CHROMIUM;
const title = ready ? 'media nodes' : 'media nodes (SKIPPED: no WAC_BIN, no WAC_TEST_DATABASE_URL, or no Chromium)';

describe.skipIf(!ready)(title, { timeout: PATIENCE_MS }, () => {
  let deployment: Deployment;
  let stage: Stage;
  let media: Node[];

  beforeAll(async () => {
    deployment = await Deployment.make(BINARY ?? '', DATABASE_URL ?? '');
    const one = await deployment.node('one');
    for (const name of ['alice', 'bob']) await deployment.addPerson(one, name);
    media = [await deployment.mediaNode('m1'), await deployment.mediaNode('m2')];
    stage = await Stage.at(one.url);
  }, 2 * PATIENCE_MS);

  afterAll(async () => {
    await stage?.strike();
    await deployment?.remove();
  }, PATIENCE_MS);

  /** The node through which a page's media go. */
  async function nodeOf(page: Page): Promise<Node> {
    const address = await page.evaluate(() => window.conference.room.server?.['ws'] ?? '');
    const node = media.find(({ port }) => new URL(address).port === port);
    if (!node) throw new Error(`${address} is none of the media nodes`);
    return node;
  }

  test('two whose media node is killed see and hear one another again soon, through another', async () => {
    const [alice, bob] = [await stage.logIn('alice', 'alice'), await stage.logIn('bob', 'bob')];
    const [alices, bobs] = [await userOf(alice), await userOf(bob)];
    await stage.call(alice, bob, 'bob');
    await Promise.all([show(alice, ALICES), show(bob, BOBS)]);
    await Promise.all([sees(alice, bobs, BOBS), sees(bob, alices, ALICES)]);

    const dying = await nodeOf(alice);
    const ended = [alice, bob].map(page =>
      page.evaluate(() => window.conference.media.connection?.peer.connectionState),
    );
    expect(await Promise.all(ended)).toEqual(['connected', 'connected']);
    const began = performance.now();
    await dying.kill();
    const moved = (page: Page): Promise<string> => page.evaluate(() => window.conference.room.server?.['ws'] ?? '');
    const elsewhere = (address: string): boolean => new URL(address).port !== dying.port;
    await Promise.all([alice, bob].map(page => eventually(() => moved(page), elsewhere)));
    const told = performance.now() - began;
    await Promise.all([sees(alice, bobs, BOBS), sees(bob, alices, ALICES)]);
    const took = performance.now() - began;
    process.stderr.write(
      `media node killed: told after ${Math.round(told)} ms, seen again after ${Math.round(took)} ms\n`,
    );
    expect(took).toBeLessThan(TALKING_AGAIN_MAX_MS);
    expect((await nodeOf(alice)).port).not.toBe(dying.port);
    expect(await alice.evaluate(() => window.conference.participants.size)).toBe(2);
    await alice.evaluate(() => window.conference.close());
  });
});
