import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { build, type Rollup } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as wac from '../../src/index.js';
import { FakeServer } from '../fake/server.js';
import { eventually, roomOf } from '../support.js';

/** Where Debian puts it; another may be named. */
const CHROMIUM = process.env['WAC_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

const found = existsSync(CHROMIUM);
const title = found
  ? 'in a browser'
  : `in a browser (SKIPPED: there is no ${CHROMIUM}; WAC_TEST_CHROMIUM may name another)`;

/** What the page's own scripts see. */
declare const window: typeof globalThis & { wac: typeof wac; session: wac.Session; heard: string[] };

/** The script for pages without a bundler, as it would be published. */
async function bundle(): Promise<string> {
  const built = (await build({
    logLevel: 'error',
    build: { write: false, sourcemap: false },
  })) as Rollup.RollupOutput[];
  const outputs = built.flatMap(({ output }) => output);
  const script = outputs.find(file => file.fileName === 'wac.iife.js');
  if (script?.type !== 'chunk') throw new Error('the build has no wac.iife.js');
  return script.code;
}

describe.skipIf(!found)(title, { timeout: 30_000 }, () => {
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
    server.page = `<!doctype html><script>${(await bundle()).replaceAll('</script', '<\\/script')}</script>`;
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

    const mediatypes = { audio: true, video: true };
    const ringUntil = Date.now() + 30_000;
    server.notice('alice', 'invite', { inviteId: 'i-1', from: 'u-bob', roomId: 'r-1', mediatypes, ringUntil });
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
