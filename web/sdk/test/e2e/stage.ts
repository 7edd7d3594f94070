import { type Browser, chromium, type Page } from 'playwright-core';
import type * as wac from '../../src/index.js';
import { CHROMIUM, type Page as SdkPage, sdkScript } from '../browser/support.js';
import { RealServer } from './server.js';

export const CAROLS_PASSWORD = 'correct horse battery';
/** A camera and a microphone that need no one to allow them: a moving test picture and a beep; and a screen. */
const FAKE_DEVICES = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--auto-accept-this-tab-capture',
  '--autoplay-policy=no-user-gesture-required',
];

/** What the pages' own scripts see. */
export type Window = SdkPage & {
  conference: wac.Conference;
  /** Layers that have arrived, by name. */
  layers: (string | undefined)[];
  /** Sockets that lead media elsewhere, where a test has made them. */
  Detour?: typeof WebSocket;
  /** A picture of four fields, in these colours, that moves a little. */
  paint: (colours: readonly string[], width?: number, isBusy?: boolean) => MediaStreamTrack;
  /** The colours of the four fields of somebody's picture: red, green, blue of each. */
  fields: (userId: string, source?: wac.TrackSource) => Promise<number[][]>;
};

/** What has arrived at a page. */
export interface Arrived {
  /** Pictures decoded, of each person's camera or screen. */
  frames: Record<string, number>;
  audioPackets: number;
}

declare const window: Window;

/** What the pages are given beside the SDK. */
function equip(): void {
  window.paint = (colours, width = 640, isBusy = false) => {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = (width * 9) / 16;
    const context = canvas.getContext('2d');
    const [w, h] = [canvas.width / 2, canvas.height / 2];
    let turn = 0;
    setInterval(() => {
      if (!context) return;
      for (const [index, colour] of colours.entries()) {
        context.fillStyle = colour;
        context.fillRect((index % 2) * w, Math.floor(index / 2) * h, w, h);
      }
      turn += 1;
      context.fillStyle = turn % 2 ? '#000' : '#fff';
      context.fillRect(w - 8 + (turn % 16), h - 8, 8, 8);
      for (let spot = 0; isBusy && spot < 400; spot += 1) {
        context.fillStyle = `hsl(${Math.random() * 360} 90% 50%)`;
        context.fillRect(Math.random() * canvas.width, Math.random() * canvas.height, 24, 24);
      }
    }, 50);
    const [track] = canvas.captureStream(20).getVideoTracks();
    if (!track) throw new Error('a canvas has a picture');
    return track;
  };
  const videos = new Map<string, HTMLVideoElement>();
  window.fields = async (userId, source = 'camera') => {
    const remote = window.conference.media.remoteTracks.find(
      track => track.userId === userId && track.source === source,
    );
    if (!remote) return [];
    const key = remote.trackId;
    const video = videos.get(key) ?? document.createElement('video');
    videos.set(key, video);
    video.muted = true;
    await remote.attach(video).catch(() => {});
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [40, 40];
    const context = canvas.getContext('2d');
    context?.drawImage(video, 0, 0, 40, 40);
    const at = (x: number, y: number): number[] => [...(context?.getImageData(x, y, 1, 1).data ?? [])].slice(0, 3);
    return [at(8, 8), at(32, 8), at(8, 32), at(32, 32)];
  };
}

/** One browser, whose pages are those of a server, for all the tests of a file. */
export class Stage {
  readonly browser: Browser;
  readonly #url: string;
  readonly #script: string;

  protected constructor(url: string, browser: Browser, script: string) {
    this.#url = url;
    this.browser = browser;
    this.#script = script;
  }

  /** A browser for a server that is there. */
  static async at(url: string): Promise<Stage> {
    return new Stage(url, await launched(), await sdkScript());
  }

  async strike(): Promise<void> {
    await this.browser.close();
  }

  /** A page with the SDK in it, at the server's own origin. */
  async page(): Promise<Page> {
    const context = await this.browser.newContext({ bypassCSP: true });
    const page = await context.newPage();
    await this.enter(page);
    return page;
  }

  /** Loads the page, anew too. */
  async enter(page: Page): Promise<void> {
    await page.goto(`${this.#url}/livez`);
    await page.addScriptTag({ content: this.#script });
    await page.evaluate(equip);
  }

  async logIn(username: string, password: string): Promise<Page> {
    const page = await this.page();
    await page.evaluate(
      async given => {
        const config = { servers: location.origin, storage: sessionStorage };
        window.session = await window.wac.createSession({ ...config, ...given });
      },
      { username, password },
    );
    return page;
  }

  /** Calls, and accepts. */
  async call(caller: Page, callee: Page, name: string): Promise<void> {
    const accepted = accepts(callee);
    await caller.evaluate(async to => {
      const { conference, invitation } = await window.session.conferences.call(to);
      window.conference = conference;
      await invitation.outcome();
    }, name);
    await accepted;
  }
}

/** The same with a server of its own, in which alice, bob and carol are. */
export class OwnStage extends Stage {
  readonly server: RealServer;

  private constructor(server: RealServer, browser: Browser, script: string) {
    super(server.url, browser, script);
    this.server = server;
  }

  static async set(binary: string): Promise<OwnStage> {
    const server = await RealServer.start(binary);
    await server.addPerson('carol', CAROLS_PASSWORD);
    return OwnStage.of(server);
  }

  /** With a server that is there. */
  static async of(server: RealServer): Promise<OwnStage> {
    return new OwnStage(server, await launched(), await sdkScript());
  }

  enterAs(name: string): Promise<Page> {
    const password = name === 'carol' ? CAROLS_PASSWORD : this.server.password(`${name}@demo`);
    return this.logIn(`${name}@demo`, password);
  }

  override async strike(): Promise<void> {
    await super.strike();
    await this.server.stop();
  }
}

function launched(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', ...FAKE_DEVICES] });
}

/** Accepts the next call. */
export async function accepts(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { conferences } = window.session;
    // A page that is busy may be told of it before it comes to listen.
    const invitation =
      conferences.invitations.find(one => one instanceof window.wac.ConferenceInvitation) ??
      (await conferences.once('conferenceInvitation'));
    window.conference = await invitation.accept();
  });
}

/** Joins the media with a microphone and a picture in four colours. */
export async function show(page: Page, colours: readonly string[]): Promise<void> {
  await page.evaluate(async given => {
    const { media } = window.conference;
    await media.join({ messages: true, ...(window.Detour ? { WebSocket: window.Detour } : {}) });
    await media.useMicrophone();
    await media.publish(window.paint(given));
  }, colours);
}

/** Who is at a page. */
export const userOf = (page: Page): Promise<string> => page.evaluate(() => window.session.userId ?? '');

/** What has arrived so far. */
export function arrived(page: Page): Promise<Arrived> {
  return page.evaluate(async () => {
    const { received } = await window.conference.media.stats();
    const frames: Record<string, number> = {};
    for (const { userId, source, frames: count } of received) frames[`${userId} ${source}`] = count ?? 0;
    const sound = received.filter(({ kind }) => kind === 'audio');
    return { frames, audioPackets: sum(sound.map(({ packets }) => packets)) };

    function sum(numbers: number[]): number {
      return numbers.reduce((total, one) => total + one, 0);
    }
  });
}

/** Waits for something at a page, but not for ever. */
export async function eventually<T>(
  ask: () => Promise<T>,
  holds: (value: T) => boolean,
  patienceMs = 30_000,
): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await ask();
    if (holds(value)) return value;
    if (Date.now() > end) throw new Error(`it did not come about: ${JSON.stringify(value)}`);
    await new Promise(resolve => setTimeout(resolve, 150));
  }
}

/** Whether a colour as it was seen is the one that was painted; coding and decoding change it a little. */
export function isLike(seen: readonly number[], painted: string): boolean {
  const wanted = [1, 3, 5].map(at => Number.parseInt(painted.slice(at, at + 2), 16));
  return seen.length === 3 && wanted.every((value, index) => Math.abs(value - (seen[index] ?? -999)) < 75);
}

/** One sees another's picture as it was painted, and it moves. */
export async function sees(page: Page, userId: string, colours: readonly string[]): Promise<void> {
  await eventually(
    () => page.evaluate(id => window.fields(id), userId),
    fields => fields.length === 4 && fields.every((seen, index) => isLike(seen, colours[index] ?? '')),
  );
  await moves(page, userId, 'camera');
}

/** Pictures go on arriving, and so does sound. */
export async function moves(page: Page, userId: string, source: string): Promise<void> {
  const key = `${userId} ${source}`;
  const before = await arrived(page);
  const more = (now: Arrived): boolean => (now.frames[key] ?? 0) > (before.frames[key] ?? 0) + 15;
  await eventually(
    () => arrived(page),
    now => more(now) && now.audioPackets > before.audioPackets + 30,
  );
}
