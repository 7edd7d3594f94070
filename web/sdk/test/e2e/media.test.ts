import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, type Rollup } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as wac from '../../src/index.js';
import { BINARY } from './process.js';
import { RealServer } from './server.js';

const CHROMIUM = process.env['WAC_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
/** Nothing here takes longer than this on a busy machine, in milliseconds. */
const PATIENCE_MS = 90_000;
const CAROLS_PASSWORD = 'correct horse battery';
/** A camera and a microphone that need no one to allow them: a moving test picture and a beep. */
const FAKE_DEVICES = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

const ready = BINARY !== undefined && existsSync(CHROMIUM);
const title = ready ? 'media between browsers' : 'media between browsers (SKIPPED: no WAC_BIN, or no Chromium)';

/** What the page's own scripts see. */
declare const window: typeof globalThis & {
  wac: typeof wac;
  session: wac.Session;
  conference: wac.Conference;
  media: wac.MediaConnection;
  remote: wac.RemoteTrack[];
  speakers: string[];
  sockets: WebSocket[];
};

interface Arrived {
  frames: number;
  audioPackets: number;
  /** Of the last picture: mean brightness and how much it varies from place to place. */
  brightness: number;
  variety: number;
  width: number;
}

async function bundle(): Promise<string> {
  const built = (await build({
    logLevel: 'error',
    build: { write: false, sourcemap: false },
  })) as Rollup.RollupOutput[];
  const script = built.flatMap(({ output }) => output).find(file => file.fileName === 'wac.iife.js');
  if (script?.type !== 'chunk') throw new Error('the build has no wac.iife.js');
  return script.code;
}

describe.skipIf(!ready)(title, { timeout: PATIENCE_MS }, () => {
  let server: RealServer;
  let browser: Browser;
  let script: string;

  beforeAll(async () => {
    server = await RealServer.start(BINARY ?? '');
    await server.addPerson('carol', CAROLS_PASSWORD);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', ...FAKE_DEVICES] });
    script = await bundle();
  }, PATIENCE_MS);

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function logIn(name: string, within?: Browser): Promise<Page> {
    const context = await (within ?? browser).newContext({ bypassCSP: true });
    const page = await context.newPage();
    await page.goto(`${server.url}/livez`);
    await page.addScriptTag({ content: script });
    const password = name === 'carol' ? CAROLS_PASSWORD : server.password(`${name}@demo`);
    const login = { username: `${name}@demo`, password };
    await page.evaluate(async given => {
      window.remote = [];
      window.session = await window.wac.createSession({ servers: location.origin, ...given });
    }, login);
    return page;
  }

  /** Waits for a step, but not for ever, so that one that hangs is named. */
  async function step<T>(name: string, work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it did not come about: ${name}`)), PATIENCE_MS / 2);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  /** Calls, accepts, and joins the media with camera and microphone on both sides. */
  async function inACall(): Promise<[Page, Page]> {
    const [alice, bob] = await step('the log-ins', Promise.all([logIn('alice'), logIn('bob')]));
    const accepted = bob.evaluate(async () => {
      const { conferences } = window.session;
      // A page that is busy may be told of it before it comes to listen.
      const invitation =
        conferences.invitations.find(one => one instanceof window.wac.ConferenceInvitation) ??
        (await conferences.once('conferenceInvitation'));
      window.conference = await invitation.accept();
    });
    const called = alice.evaluate(async () => {
      const { conference, invitation } = await window.session.conferences.call('bob');
      window.conference = conference;
      await invitation.outcome();
    });
    await step('the outcome of the call', called);
    await step('the call at who accepts it', accepted);
    await step('joining the media', Promise.all([join(alice), join(bob)]));
    return [alice, bob];
  }

  async function join(page: Page): Promise<void> {
    await page.evaluate(async () => {
      window.sockets = [];
      const KeptSocket = class extends WebSocket {
        constructor(url: string, protocols?: string | string[]) {
          super(url, protocols);
          window.sockets.push(this);
        }
      };
      window.media = await window.wac.joinMedia(window.conference.room, { WebSocket: KeptSocket });
      window.media.on('trackStarted', remote => window.remote.push(remote));
      window.media.on('speakers', speakers => {
        window.speakers = [...speakers];
      });
      const devices = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
      for (const track of devices.getTracks()) await window.media.publish(track);
    });
  }

  /** What has arrived of the others, and what the last picture looks like. */
  async function arrived(page: Page): Promise<Arrived> {
    return page.evaluate(async () => {
      const stats = await window.media.peer.getStats();
      const inbound = [...stats.values()].filter(report => report.type === 'inbound-rtp');
      const sum = (kind: string, field: string): number =>
        inbound.filter(report => report.kind === kind).reduce((total, report) => total + (report[field] ?? 0), 0);
      const picture = window.remote.findLast(({ track }) => track.kind === 'video');
      const seen = { brightness: 0, variety: 0, width: 0 };
      if (picture) {
        const video = document.querySelector('video') ?? document.createElement('video');
        document.body.append(video);
        video.muted = true;
        if (!video.srcObject) video.srcObject = new MediaStream([picture.track]);
        await video.play().catch(() => {});
        const canvas = document.createElement('canvas');
        canvas.width = 64;
        canvas.height = 36;
        const context = canvas.getContext('2d');
        context?.drawImage(video, 0, 0, 64, 36);
        const pixels = context?.getImageData(0, 0, 64, 36).data ?? new Uint8ClampedArray();
        const light = [...pixels].filter((_, index) => index % 4 === 1);
        seen.brightness = light.reduce((total, value) => total + value, 0) / Math.max(light.length, 1);
        const squares = light.reduce((total, value) => total + (value - seen.brightness) ** 2, 0);
        seen.variety = Math.sqrt(squares / Math.max(light.length, 1));
        seen.width = video.videoWidth;
      }
      return { frames: sum('video', 'framesDecoded'), audioPackets: sum('audio', 'packetsReceived'), ...seen };
    });
  }

  async function until(page: Page, holds: (now: Arrived) => boolean): Promise<Arrived> {
    const end = Date.now() + PATIENCE_MS / 2;
    for (;;) {
      const now = await arrived(page);
      if (holds(now)) return now;
      if (Date.now() > end) throw new Error(`it did not come about: ${JSON.stringify(now)}`);
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  }

  const flows = (before: Arrived, now: Arrived): boolean =>
    now.frames > before.frames + 20 && now.audioPackets > before.audioPackets + 50;

  async function assertFlow(page: Page): Promise<void> {
    const before = await arrived(page);
    const now = await until(page, later => flows(before, later));
    expect(now.brightness).toBeGreaterThan(5);
    expect(now.variety).toBeGreaterThan(5);
  }

  test('two people see and hear one another, through mute, a screen and a leave', async () => {
    const [alice, bob] = await inACall();
    for (const page of [alice, bob]) await assertFlow(page);
    const users = await Promise.all([alice, bob].map(page => page.evaluate(() => window.session.userId)));
    const from = await bob.evaluate(() => [...new Set(window.remote.map(({ userId }) => userId))]);
    expect(from).toEqual([users[0]]);

    // The node obeys the log, not the page: what is muted does not arrive.
    await alice.evaluate(() => window.conference.mute('video'));
    await new Promise(resolve => setTimeout(resolve, 500));
    const muted = await arrived(bob);
    await new Promise(resolve => setTimeout(resolve, 1_500));
    expect((await arrived(bob)).frames - muted.frames).toBeLessThan(3);
    await alice.evaluate(() => window.conference.unmute('video'));
    await assertFlow(bob);

    // A second picture, and the first goes on.
    await alice.evaluate(async () => {
      const canvas = document.createElement('canvas');
      const context = canvas.getContext('2d');
      setInterval(() => {
        if (context) context.fillStyle = `hsl(${Date.now() % 360} 80% 50%)`;
        context?.fillRect(0, 0, canvas.width, canvas.height / 2);
      }, 50);
      const [screen] = canvas.captureStream(20).getVideoTracks();
      if (screen) await window.media.publish(screen, { source: 'screen' });
    });
    await bob.waitForFunction(() => window.remote.some(({ source }) => source === 'screen'));
    await assertFlow(bob);

    // The session goes on when its socket is cut, and so does what was wanted meanwhile.
    await bob.evaluate(async () => {
      window.sockets.at(-1)?.close();
      const [track] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks();
      if (track) await window.media.publish(track, { source: 'screenaudio' });
    });
    expect(await bob.evaluate(() => window.sockets.length)).toBe(2);
    await alice.waitForFunction(() => window.remote.some(({ source }) => source === 'screenaudio'));
    await assertFlow(alice);

    await alice.evaluate(() => window.conference.leave());
    await alice.waitForFunction(() => window.media.endReason !== undefined);
    expect(await alice.evaluate(() => window.media.endReason)).toBe('left');
    await bob.waitForFunction(() => window.media.remoteTracks.length === 0);
    await bob.evaluate(() => window.media.leave());
    for (const page of [alice, bob]) await page.context().close();

    // What became of it stands in the log.
    let told = await server.events('media.*');
    const end = Date.now() + PATIENCE_MS / 4;
    while (told.filter(event => event.type === 'media.ended').length < 2 && Date.now() < end) {
      await new Promise(resolve => setTimeout(resolve, 100));
      told = await server.events('media.*');
    }
    const of = (user: string | undefined): string[] => {
      const stream = told.find(({ data }) => data['user'] === user)?.stream;
      return told.filter(event => event.stream === stream).map(event => event.type);
    };
    const sent = ['media.connected', 'media.flowed', 'media.track_published', 'media.measured', 'media.ended'];
    for (const user of users) expect([...new Set(of(user))].sort()).toEqual([...sent].sort());
  });

  test('a page without a camera, whose addresses are hidden behind mDNS, sees and hears', async () => {
    const [alice, bob] = await inACall();
    // Without the permission to use a camera, Chromium shows no addresses but names of mDNS.
    const bare = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    try {
      const carol = await step('the log-in of carol', logIn('carol', bare));
      const roomId = await alice.evaluate(() => window.conference.id);
      const invited = carol.evaluate(async () => {
        const { conferences } = window.session;
        // A page that is busy may be told of it before it comes to listen.
        const invitation =
          conferences.invitations.find(one => one instanceof window.wac.ConferenceInvitation) ??
          (await conferences.once('conferenceInvitation'));
        window.conference = await invitation.accept();
        window.media = await window.wac.joinMedia(window.conference.room);
        window.media.on('trackStarted', remote => window.remote.push(remote));
        return window.conference.id;
      });
      await alice.evaluate(() => window.conference.invite('carol'));
      expect(await step('carol in the conference and its media', invited)).toBe(roomId);
      await carol.waitForFunction(() => window.media.remoteTracks.length === 4);
      await assertFlow(carol);
      const offered = await carol.evaluate(() => window.media.peer.localDescription?.sdp ?? '');
      expect(offered).not.toMatch(/a=candidate:.* 127\.0\.0\.1 /);
    } finally {
      await bare.close();
      for (const page of [alice, bob]) await page.context().close();
    }
  });
});
