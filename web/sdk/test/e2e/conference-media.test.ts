import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_CHROMIUM } from '../browser/support.js';
import { BINARY } from './process.js';
import { accepts, arrived, eventually, isLike, moves, OwnStage, sees, show, userOf, type Window } from './stage.js';

declare const window: Window;

/** Nothing here takes longer than this on a busy machine, in milliseconds. */
const PATIENCE_MS = 90_000;
const [RED, GREEN, BLUE, WHITE] = ['#e00000', '#00c000', '#0000e0', '#ffffff'] as const;
const ALICES = [RED, GREEN, BLUE, WHITE];
const BOBS = [BLUE, WHITE, RED, GREEN];
const CAROLS = [GREEN, RED, WHITE, BLUE];

const ready = BINARY !== undefined && HAS_CHROMIUM;
const title = ready ? 'the media of a conference' : 'the media of a conference (SKIPPED: no WAC_BIN, or no Chromium)';

describe.skipIf(!ready)(title, { timeout: PATIENCE_MS }, () => {
  let stage: OwnStage;
  let [alice, bob, carol]: Page[] = [];
  let [alices, bobs, carols] = ['', '', ''];

  beforeAll(async () => {
    stage = await OwnStage.set(BINARY ?? '');
    [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(name => stage.enterAs(name)));
    if (!alice || !bob || !carol) return;
    [alices, bobs, carols] = await Promise.all([userOf(alice), userOf(bob), userOf(carol)]);
  }, PATIENCE_MS);

  afterAll(async () => {
    await stage?.strike();
  }, 30_000);

  function people(): [Page, Page, Page] {
    if (!alice || !bob || !carol) throw new Error('everybody is there');
    return [alice, bob, carol];
  }

  test('two see each other as they are, through mute, hold, another network and a page that is loaded anew', async () => {
    const [alice, bob] = people();
    await stage.call(alice, bob, 'bob');
    await Promise.all([show(alice, ALICES), show(bob, BOBS)]);
    await Promise.all([sees(alice, bobs, BOBS), sees(bob, alices, ALICES)]);

    // Others see who is muted, and nothing of him arrives.
    await alice.evaluate(() => window.conference.media.mute('video'));
    await bob.waitForFunction(id => window.conference.participants.get(id)?.isMuted.video === true, alices);
    await bob.waitForFunction(
      id => window.conference.media.participants.find(({ userId }) => userId === id)?.tracks.some(({ muted }) => muted),
      alices,
    );
    await stands(bob, `${alices} camera`);
    await alice.evaluate(() => window.conference.media.unmute('video'));
    await sees(bob, alices, ALICES);

    await bob.evaluate(() => window.conference.hold());
    await alice.waitForFunction(id => window.conference.participants.get(id)?.isHeld === true, bobs);
    await stands(alice, `${bobs} camera`);
    await bob.evaluate(() => window.conference.unhold());
    await Promise.all([sees(alice, bobs, BOBS), sees(bob, alices, ALICES)]);

    // Another network: other credentials, another way, the same session.
    const ufrag = (): Promise<string> =>
      bob.evaluate(() => {
        const sdp = window.conference.media.connection?.peer.localDescription?.sdp ?? '';
        return /a=ice-ufrag:(\S+)/.exec(sdp)?.[1] ?? '';
      });
    const before = await ufrag();
    await bob.evaluate(() => window.dispatchEvent(new Event('online')));
    await eventually(ufrag, now => now !== before);
    await Promise.all([moves(alice, bobs, 'camera'), moves(bob, alices, 'camera')]);
    expect(await bob.evaluate(() => window.conference.media.status)).toBe('CONNECTED');

    // The page is loaded anew: the call goes on.
    await stage.enter(bob);
    await bob.evaluate(async () => {
      const saved = window.wac.savedSession(sessionStorage);
      if (!saved) throw new Error('nothing was kept');
      window.session = await window.wac.recoverSession(saved, { servers: location.origin, storage: sessionStorage });
      const [conference] = window.session.conferences.conferences;
      if (!conference) throw new Error('the call is gone');
      window.conference = conference;
    });
    await show(bob, BOBS);
    await Promise.all([sees(alice, bobs, BOBS), sees(bob, alices, ALICES)]);
    expect(await alice.evaluate(() => window.conference.participants.size)).toBe(2);
    await alice.evaluate(() => window.conference.close());
    await bob.waitForFunction(() => window.conference.media.status === 'ENDED');
  });

  /** Of this no more pictures arrive. */
  async function stands(page: Page, key: string): Promise<void> {
    let last = -1;
    await eventually(
      async () => {
        const now = (await arrived(page)).frames[key] ?? 0;
        await new Promise(resolve => setTimeout(resolve, 700));
        const later = (await arrived(page)).frames[key] ?? 0;
        last = later - now;
        return last;
      },
      more => more < 2,
    );
  }

  test('three see one another and a screen; one is expelled, and the end is everybody’s', async () => {
    const [alice, bob, carol] = people();
    await stage.call(alice, bob, 'bob');
    const accepted = accepts(carol);
    await alice.evaluate(() => window.conference.invite('carol'));
    await accepted;
    await Promise.all([show(alice, ALICES), show(bob, BOBS), show(carol, CAROLS)]);
    await Promise.all([
      sees(alice, bobs, BOBS),
      sees(alice, carols, CAROLS),
      sees(bob, alices, ALICES),
      sees(bob, carols, CAROLS),
      sees(carol, alices, ALICES),
      sees(carol, bobs, BOBS),
    ]);

    // Messages go past the log: to one, or to all; the node says who has sent them.
    const heard = (page: Page): Promise<unknown[]> =>
      page.evaluate(async () => {
        const messages: unknown[] = [];
        for await (const message of window.conference.media.events('message')) {
          messages.push(message);
          if ((message.data as { last?: boolean }).last) break;
        }
        return messages;
      });
    const [bobHears, carolHears] = [heard(bob), heard(carol)];
    await alice.evaluate(async to => {
      await window.conference.media.send({ hand: 'up' }, { to });
      await window.conference.media.send({ last: true });
    }, bobs);
    expect(await bobHears).toEqual([
      { from: alices, data: { hand: 'up' } },
      { from: alices, data: { last: true } },
    ]);
    expect(await carolHears).toEqual([{ from: alices, data: { last: true } }]);

    await carol.evaluate(async colours => {
      await window.conference.media.publish(window.paint(colours), { source: 'screen' });
    }, ALICES);
    await eventually(
      () => bob.evaluate(id => window.fields(id, 'screen'), carols),
      fields => fields.length === 4 && fields.every((seen, index) => isLike(seen, ALICES[index] ?? '')),
    );
    await moves(alice, carols, 'screen');
    await sees(bob, carols, CAROLS);
    await carol.evaluate(() => window.conference.media.stop('screen'));
    await bob.waitForFunction(() => !window.conference.media.remoteTracks.some(({ source }) => source === 'screen'));

    const expelled = carol.evaluate(async () => (await window.conference.media.once('ended')).reason);
    await alice.evaluate(id => window.conference.expel(id), carols);
    expect(await expelled).toBe('expelled');
    await bob.waitForFunction(id => window.conference.media.remoteTracks.every(({ userId }) => userId !== id), carols);
    await Promise.all([moves(alice, bobs, 'camera'), moves(bob, alices, 'camera')]);

    const closed = bob.evaluate(async () => (await window.conference.media.once('ended')).reason);
    await alice.evaluate(() => window.conference.close());
    expect(await closed).toBe('closed');
    expect(await bob.evaluate(() => window.conference.media.localTracks.size)).toBe(0);
  });

  test('who is transferred talks to somebody else', async () => {
    const [alice, bob, carol] = people();
    await stage.call(alice, bob, 'bob');
    await Promise.all([show(alice, ALICES), show(bob, BOBS)]);
    await sees(bob, alices, ALICES);
    const accepted = accepts(carol);
    const moved = bob.evaluate(async () => {
      const transfer = await window.conference.once('transfer');
      await transfer.accept();
      window.conference = await transfer.outcome();
    });
    const outcome = alice.evaluate(async () => {
      await (await window.conference.transfer('carol')).outcome();
      return window.conference.endReason;
    });
    await accepted;
    await show(carol, CAROLS);
    expect(await outcome).toBe('transferred');
    await moved;
    await Promise.all([sees(bob, carols, CAROLS), sees(carol, bobs, BOBS)]);
    expect(await alice.evaluate(() => window.conference.media.status)).toBe('ENDED');
    await carol.evaluate(() => window.conference.close()).catch(() => carol.evaluate(() => window.conference.leave()));
    await bob.evaluate(() => window.conference.leave());
  });
});
