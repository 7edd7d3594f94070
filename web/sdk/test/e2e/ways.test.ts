import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_CHROMIUM } from '../browser/support.js';
import { BINARY } from './process.js';
import { Relay } from './relay.js';
import { arrived, eventually, OwnStage, sees, show, userOf, type Window } from './stage.js';

declare const window: Window;

/** Nothing here takes longer than this on a busy machine, in milliseconds. */
const PATIENCE_MS = 90_000;
/** So long pictures are watched. */
const WATCHED_MS = 15_000;
const ALICES = ['#e00000', '#00c000', '#0000e0', '#ffffff'];
const BOBS = ['#0000e0', '#ffffff', '#e00000', '#00c000'];

const ready = BINARY !== undefined && HAS_CHROMIUM;
const title = ready ? 'media over bad ways' : 'media over bad ways (SKIPPED: no WAC_BIN, or no Chromium)';

describe.skipIf(!ready)(title, { timeout: PATIENCE_MS }, () => {
  let stage: OwnStage;
  let [alice, bob]: Page[] = [];
  let [alices, bobs] = ['', ''];

  beforeAll(async () => {
    stage = await OwnStage.set(BINARY ?? '');
    [alice, bob] = await Promise.all(['alice', 'bob'].map(name => stage.enterAs(name)));
    if (!alice || !bob) return;
    [alices, bobs] = await Promise.all([userOf(alice), userOf(bob)]);
  }, PATIENCE_MS);

  afterAll(async () => {
    await stage?.strike();
  }, 30_000);

  function people(): [Page, Page] {
    if (!alice || !bob) throw new Error('both are there');
    return [alice, bob];
  }

  test('who has a narrow way gets a smaller picture, and the larger one back when it is wide again', async () => {
    const [alice, bob] = people();
    const relay = new Relay(stage.server.mediaPort);
    const port = await relay.start();
    try {
      await stage.call(alice, bob, 'bob');
      await alice.evaluate(async colours => {
        const { media } = window.conference;
        await media.join();
        await media.publish(window.paint(colours, 1_280, true), { source: 'camera' });
      }, ALICES);
      await detour(bob, port);
      await bob.evaluate(async () => {
        window.layers = [];
        window.conference.media.on('layer', ({ rid }) => window.layers.push(rid));
        await window.conference.media.join(window.Detour ? { WebSocket: window.Detour } : {});
      });
      const width = async (): Promise<number> =>
        bob.evaluate(
          async () => (await window.conference.media.stats()).received.find(({ kind }) => kind === 'video')?.width ?? 0,
        );
      const wide = await eventually(width, now => now >= 640, 60_000);
      relay.downKbps = 220;
      await eventually(width, now => now > 0 && now < wide, 40_000);
      relay.downKbps = Number.POSITIVE_INFINITY;
      await eventually(width, now => now >= wide, 60_000);
      await moves2(bob);
    } finally {
      relay.stop();
      await alice.evaluate(() => window.conference.close());
    }
  });

  test('where one of twenty packets is lost and others overtake one another, pictures do not stand still', async () => {
    const [alice, bob] = people();
    const relay = new Relay(stage.server.mediaPort, 20_261_126);
    const port = await relay.start();
    try {
      await stage.call(alice, bob, 'bob');
      for (const page of [alice, bob]) await detour(page, port);
      await show(alice, ALICES);
      await show(bob, BOBS);
      await Promise.all([sees(alice, bobs, BOBS), sees(bob, alices, ALICES)]);
      relay.weather = { lossPercent: 5, delayMs: 20, jitterMs: 30 };
      const before = await seenBy(bob);
      const sentBefore = await sentBy(alice);
      await new Promise(resolve => setTimeout(resolve, WATCHED_MS));
      const [after, sent] = [await seenBy(bob), (await sentBy(alice)) - sentBefore];
      const [frames, stood] = [after.frames - before.frames, after.stoodMs - before.stoodMs];
      process.stderr.write(
        `5 % loss: ${frames} of ${sent} pictures shown, ${after.freezes - before.freezes} stops of together ` +
          `${stood} ms, ${after.lost - before.lost} packets missing, ${relay.lost} lost on the way\n`,
      );
      expect(relay.lost).toBeGreaterThan(20);
      expect(sent).toBeGreaterThan(100);
      expect(frames).toBeGreaterThan(sent * 0.6);
      expect(stood).toBeLessThan(WATCHED_MS / 5);
    } finally {
      relay.stop();
      await alice.evaluate(() => window.conference.close());
    }
  });

  /** Has a page join the media by a relay: what the node says of its port leads there. */
  async function detour(page: Page, port: number): Promise<void> {
    await page.evaluate(
      ([from, to]) => {
        class Detour extends WebSocket {}
        Object.defineProperty(Detour.prototype, 'onmessage', {
          set(this: WebSocket, handler: (event: { data: string }) => void) {
            const led = (data: unknown): string => String(data).replaceAll(` ${from} typ`, ` ${to} typ`);
            this.addEventListener('message', ({ data }) => handler({ data: led(data) }));
          },
        });
        window.Detour = Detour;
      },
      [String(stage.server.mediaPort), String(port)],
    );
  }

  interface Watched {
    frames: number;
    freezes: number;
    stoodMs: number;
    lost: number;
  }

  /** What a page has of pictures, as the browser counts it. */
  function seenBy(page: Page): Promise<Watched> {
    return page.evaluate(async () => {
      const reports = [...((await window.conference.media.connection?.peer.getStats())?.values() ?? [])];
      const pictures = reports.filter(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
      const sum = (field: string): number => pictures.reduce((all, report) => all + (report[field] ?? 0), 0);
      return {
        frames: sum('framesDecoded'),
        freezes: sum('freezeCount'),
        stoodMs: Math.round(sum('totalFreezesDuration') * 1_000),
        lost: sum('packetsLost'),
      };
    });
  }

  /** Pictures a page has sent, of the layer that has most. */
  function sentBy(page: Page): Promise<number> {
    return page.evaluate(async () => {
      const reports = [...((await window.conference.media.connection?.peer.getStats())?.values() ?? [])];
      const layers = reports.filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
      return Math.max(...layers.map(({ framesEncoded }) => framesEncoded));
    });
  }

  /** Pictures go on arriving; there is no sound here. */
  async function moves2(page: Page): Promise<void> {
    const count = async (): Promise<number> => (await arrived(page)).frames[`${alices} camera`] ?? 0;
    const before = await count();
    await eventually(count, now => now > before + 15);
  }
});
