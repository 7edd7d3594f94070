import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeServer } from '../fake/server.js';
import { eventually, inviteOf, roomOf } from '../support.js';
import { CHROMIUM, HAS_CHROMIUM, type Page, pageWithSdk } from './support.js';

const title = HAS_CHROMIUM
  ? 'in a browser'
  : `in a browser (SKIPPED: there is no ${CHROMIUM}; WAC_TEST_CHROMIUM may name another)`;

/** What the page's own scripts see. */
declare const window: Page;

describe.skipIf(!HAS_CHROMIUM)(title, { timeout: 30_000 }, () => {
  let server: FakeServer;
  let browser: Browser;

  beforeAll(async () => {
    server = await FakeServer.start();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('a page logs in, is called, loses its connection and goes on, and a reload keeps the session', async () => {
    server.page = await pageWithSdk();
    server.on('accept', () => roomOf('r-1', 'u-bob', 'u-alice'));
    const person = (userId: string) => ({
      userId,
      owner: userId === 'u-bob',
      held: false,
      muted: { audio: false, video: false },
      devices: 1,
    });
    server.on('listParticipants', () => ({ participants: [person('u-bob'), person('u-alice')] }));
    const page = await browser.newPage();
    await page.goto(server.url);
    const status = await page.evaluate(async () => {
      window.heard = [];
      const options = { servers: location.origin, storage: sessionStorage, backoff: { firstMs: 10 } };
      const login = { username: 'alice', password: 'pw-alice' };
      window.session = await window.wac.createSession({ ...options, ...login });
      window.session.conferences.on('conferenceInvitation', async invitation => {
        const conference = await invitation.accept();
        window.heard.push(`accepted ${invitation.id}`);
        conference.on('participantHeld', ({ userId }) => window.heard.push(`held ${userId}`));
      });
      return window.session.status;
    });
    expect(status).toBe('CONNECTED');

    server.notice('alice', 'invite', inviteOf('i-1'));
    await page.waitForFunction(() => window.heard.length === 1);
    for (const socket of server.sockets) socket.cut();
    server.notice('alice', 'participantHeld', { roomId: 'r-1', userId: 'u-bob' });
    await page.waitForFunction(() => window.heard.length === 2);
    expect(await page.evaluate(() => window.heard)).toEqual(['accepted i-1', 'held u-bob']);

    await page.reload();
    const again = await page.evaluate(async () => {
      const saved = window.wac.savedSession(sessionStorage);
      if (!saved) return [];
      window.session = await window.wac.recoverSession(saved, { servers: location.origin });
      return window.session.conferences.conferences.map(({ id }) => id);
    });
    expect(again).toEqual(['r-1']);
    await page.evaluate(() => window.session.logout());
    await eventually(() => server.sockets.size === 0);
  });
});
