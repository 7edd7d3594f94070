import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { CHROMIUM } from '../../sdk/test/browser/support.js';
import { RealServer } from '../../sdk/test/e2e/server.js';

/** What axe finds. */
interface Violation {
  id: string;
  help: string;
  nodes: { html: string }[];
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const CAROLS_PASSWORD = 'correct horse battery';
/** Where pictures of the phone are put, to be looked at. */
const SHOTS = fileURLToPath(new URL('../shots/', import.meta.url));
const FLAGS = [
  '--no-sandbox',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--auto-select-tab-capture-source-by-title=wac phone',
];

/** How wide a laptop's and a telephone's window is. */
export const LAPTOP = { viewport: { width: 1280, height: 800 } };
export const TELEPHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

/** One server and one browser, for all the tests of a file. */
export class Stage {
  readonly server: RealServer;
  readonly #browser: Browser;

  private constructor(server: RealServer, browser: Browser) {
    this.server = server;
    this.#browser = browser;
  }

  static async set(binary: string): Promise<Stage> {
    mkdirSync(SHOTS, { recursive: true });
    const printed = process.env['WAC_SDK_SERVER'];
    const server =
      printed === undefined
        ? await RealServer.start(binary)
        : RealServer.running(readFileSync(printed, 'utf8').split('\n'));
    await server.addPerson('carol', CAROLS_PASSWORD);
    return new Stage(server, await chromium.launch({ executablePath: CHROMIUM, args: FLAGS }));
  }

  async strike(): Promise<void> {
    await this.#browser?.close();
    await this.server?.stop();
  }

  /** A page whose scripts complain to nobody in vain. */
  async open(url: string, options: BrowserContextOptions = LAPTOP): Promise<Page> {
    const context = await this.#browser.newContext({ locale: 'en-US', ...options });
    const page = await context.newPage();
    page.on('pageerror', error => {
      throw error;
    });
    page.on('console', message => {
      if (message.text().includes('Content Security Policy')) throw new Error(message.text());
    });
    await page.goto(url);
    return page;
  }

  /** Somebody signs in by the form. */
  async signIn(name: string, options: BrowserContextOptions = LAPTOP): Promise<Page> {
    const page = await this.open(`${this.server.url}/phone`, options);
    const password = name === 'carol' ? CAROLS_PASSWORD : this.server.password(`${name}@demo`);
    await page.locator('input[name=username]').fill(`${name}@demo`);
    await page.locator('input[name=password]').fill(password);
    await page.keyboard.press('Enter');
    await page.locator('.self-bar').getByText(name).waitFor();
    return page;
  }

  /** Keeps a picture. */
  async shoot(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: `${SHOTS}${name}.png` });
  }

  /** Keeps a picture, and finds out whether everybody can use what is on it (WCAG 2.1 A and AA). */
  async check(page: Page, name: string): Promise<void> {
    await this.shoot(page, name);
    await page.evaluate(AXE);
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } };
      const rules = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] };
      return (await axe.run(rules)).violations;
    });
    const told = violations.map(
      ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join('\n  ')}`,
    );
    if (told.length > 0) throw new Error(`${name}:\n${told.join('\n')}`);
  }
}

/** A button by its whole name. */
export const button = (within: Page | Locator, name: string): Locator =>
  within.getByRole('button', { name, exact: true });

/** Somebody's tile. */
export const tile = (within: Page | Locator, name: string | RegExp): Locator =>
  within.getByRole('region', { name, exact: typeof name === 'string' });

/** Pictures of somebody arrive, and are more than one colour. */
export async function moves(within: Page | Locator, name: string | RegExp): Promise<void> {
  const video = tile(within, name).locator('video');
  await video.waitFor();
  const frames = (): Promise<number> =>
    video.evaluate(element => (element as HTMLVideoElement).getVideoPlaybackQuality().totalVideoFrames);
  const before = await frames();
  const end = Date.now() + 20_000;
  while ((await frames()) < before + 15) {
    if (Date.now() > end) throw new Error(`the picture of ${name} stands still`);
    await new Promise(resolve => setTimeout(resolve, 150));
  }
  const colours = await video.evaluate(element => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [32, 18];
    const context = canvas.getContext('2d');
    context?.drawImage(element as HTMLVideoElement, 0, 0, 32, 18);
    const pixels = context?.getImageData(0, 0, 32, 18).data ?? new Uint8ClampedArray();
    const greens = [...pixels].filter((_, index) => index % 4 === 1).map(value => value >> 4);
    return new Set(greens).size;
  });
  if (colours < 2) throw new Error(`the picture of ${name} has one colour`);
}
