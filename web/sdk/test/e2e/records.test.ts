import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_CHROMIUM } from '../browser/support.js';
import { BINARY } from './process.js';
import { RealServer } from './server.js';
import { eventually, OwnStage, sees, show, userOf, type Window } from './stage.js';

declare const window: Window;

/** What `wac dev` has printed, of a server that runs already; that is how docs/walkthrough-records.md is made. */
const PRINTED = process.env['WAC_SDK_SERVER'];
const PATIENCE_MS = 90_000;
const ALICES = ['#e00000', '#00c000', '#0000e0', '#ffffff'];
const BOBS = ['#0000e0', '#ffffff', '#e00000', '#00c000'];

interface Quality {
  bytesSent: number;
  bytesReceived: number;
  lostSentPercent: number | null;
}

interface Entry {
  id: string;
  state: string;
  participants: { address: string; node: string | null; quality: Quality | null }[];
}

const ready = BINARY !== undefined && HAS_CHROMIUM;
const title = ready ? 'the records of a call' : 'the records of a call (SKIPPED: no WAC_BIN, or no Chromium)';

describe.skipIf(!ready)(title, { timeout: PATIENCE_MS }, () => {
  let stage: OwnStage;
  let authorization: string;

  beforeAll(async () => {
    const rules = { WAC_CALL_ALARMS__RULES: 'busy: ssrc.bytesSent > 1000' };
    const server =
      PRINTED === undefined
        ? await RealServer.start(BINARY ?? '', [], rules)
        : RealServer.running(readFileSync(PRINTED, 'utf8').split('\n'));
    stage = await OwnStage.of(server);
    const login = { grant_type: 'password', username: 'admin@quobis', password: server.password('admin@quobis') };
    authorization = `Bearer ${(await server.grant(login)).access_token}`;
  }, PATIENCE_MS);

  afterAll(async () => {
    await stage?.strike();
  }, 30_000);

  async function ask(path: string): Promise<string> {
    const response = await fetch(`${stage.server.url}/sapi${path}`, { headers: { Authorization: authorization } });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${text}`);
    return text;
  }

  const entries = async (): Promise<Entry[]> => JSON.parse(await ask('/conferences')) as Entry[];

  test('two browsers talk, and how well it went, what was refused and what was noticed stands in the log', async () => {
    const [alice, bob] = await Promise.all([stage.enterAs('alice'), stage.enterAs('bob')]);
    const alices = await userOf(alice);
    await stage.call(alice, bob, 'bob');
    await Promise.all([show(alice, ALICES), show(bob, BOBS)]);
    await Promise.all([sees(alice, await userOf(bob), BOBS), sees(bob, alices, ALICES)]);
    const refused = await bob.evaluate(
      of => window.conference.muteParticipant(of, 'audio', true).then(() => 'nothing', String),
      alices,
    );
    expect(refused).not.toBe('nothing');
    await bob.evaluate(() => window.conference.hold());
    await bob.evaluate(() => window.conference.unhold());
    // The node measures every two seconds; what it knows by then is in its summary.
    const isMeasured = (page: Page): Promise<void> =>
      page.evaluate(
        () =>
          new Promise<void>(resolve => {
            window.conference.media.on('quality', ({ lostUpPermille, lostDownPermille }) => {
              if (typeof lostUpPermille === 'number' && typeof lostDownPermille === 'number') resolve();
            });
          }),
      );
    await Promise.all([isMeasured(alice), isMeasured(bob)]);
    await bob.evaluate(() => window.conference.leave());
    await alice.evaluate(() => window.conference.leave());

    // The last summary comes when a media session ends.
    const measured = (all: Entry[]): boolean =>
      all[0]?.state === 'finished' && all[0].participants.every(({ quality }) => quality !== null);
    const [entry] = await eventually(entries, measured, PATIENCE_MS / 2);
    if (!entry) throw new Error('it is in the log');
    expect(entry.participants).toHaveLength(2);
    for (const { node, quality } of entry.participants) {
      expect(node).toEqual(expect.any(String));
      expect(quality?.bytesSent).toBeGreaterThan(1_000);
      expect(quality?.bytesReceived).toBeGreaterThan(1_000);
      expect(quality?.lostSentPercent).toEqual(expect.any(Number));
    }
    const steps = JSON.parse(await ask(`/conferences/${entry.id}/timeline`)) as { text: string; refused: unknown }[];
    const told = steps.map(({ text }) => text).join('\n');
    for (const step of ['accepts', 'is connected to the media node', 'measured for', 'the room is closed']) {
      expect(told).toContain(step);
    }
    const lines = (await ask('/conferences?format=csv')).trimEnd().split('\r\n');
    expect(lines).toHaveLength(3);
    await eventually(
      () => ask('/alarms?type=call'),
      alarms => (JSON.parse(alarms) as unknown[]).length >= 2,
    );
    await eventually(
      () => ask(`/conferences/${entry.id}/timeline`),
      text => (JSON.parse(text) as typeof steps).some(step => step.refused !== null),
    );
    for (const page of [alice, bob]) await page.context().close();
  });
});
