import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, HAS_CHROMIUM, type Page, pageWithSdk } from '../browser/support.js';
import { PATIENCE_MS } from './people.js';
import { BINARY } from './process.js';
import { RealServer } from './server.js';

/** What the page's own scripts see. */
declare const window: Page;

const runs = BINARY !== undefined && HAS_CHROMIUM;
const title = runs
  ? 'pages against the real server'
  : 'pages against the real server (SKIPPED: WAC_BIN names no binary, or there is no Chromium)';

describe.skipIf(!runs)(title, { timeout: 2 * PATIENCE_MS }, () => {
  let server: RealServer;
  let browser: Browser;
  let pages: Server;
  let port: number;

  beforeAll(async () => {
    const page = await pageWithSdk();
    pages = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
    });
    await new Promise<void>(done => pages.listen(0, '127.0.0.1', done));
    port = (pages.address() as AddressInfo).port;
    // The pages come from another port, so from another origin than the interfaces.
    server = await RealServer.start(BINARY ?? '', ['--set', `corsDomains=http://localhost:${port}`]);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    pages?.close();
    await server?.stop();
  }, 30_000);

  /** A page of an origin, which logs alice and bob in and has them call each other. */
  async function callFrom(origin: string): Promise<string> {
    const page = await browser.newPage();
    await page.goto(origin);
    const people = { servers: server.url, alices: server.password('alice@demo'), bobs: server.password('bob@demo') };
    const outcome = await page.evaluate(async ({ servers, alices, bobs }) => {
      try {
        const { createSession } = window.wac;
        const bob = await createSession({ servers, username: 'bob@demo', password: bobs });
        const alice = await createSession({ servers, username: 'alice@demo', password: alices });
        bob.conferences.on('conferenceInvitation', invitation => void invitation.accept());
        const { conference, invitation } = await alice.conferences.call('bob');
        await invitation.outcome();
        const contacts = await alice.contacts.list();
        await conference.close();
        await Promise.all([alice.logout(), bob.logout()]);
        return contacts.some(({ username }) => username === 'bob') ? 'called' : 'nobody there';
      } catch (error) {
        return (error as { code?: string }).code ?? String(error);
      }
    }, people);
    await page.close();
    return outcome;
  }

  test('a page of another origin that corsDomains names logs in and calls', async () => {
    expect(await callFrom(`http://localhost:${port}`)).toBe('called');
  });

  test('a page of any other origin is not let in', async () => {
    expect(await callFrom(`http://127.0.0.1:${port}`)).toBe('unreachable');
  });
});
