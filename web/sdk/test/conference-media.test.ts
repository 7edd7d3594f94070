import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Conference, Session } from '../src/index.js';
import { FakeNode, FakePeer, trackOf } from './fake/media.js';
import { FakeServer } from './fake/server.js';
import { collect, eventually, logIn, roomOf, settle } from './support.js';

describe('the media of a conference', () => {
  let server: FakeServer;
  let session: Session;
  let node: FakeNode;
  let conference: Conference;
  let tokens: number;

  beforeEach(async () => {
    vi.stubGlobal('RTCPeerConnection', FakePeer);
    server = await FakeServer.start();
    node = new FakeNode();
    tokens = 0;
    const room = () => {
      tokens += 1;
      const server = { ws: 'ws://one/media', wss: 'wss://one/media' };
      return { ...roomOf('r-1', 'u-alice', 'u-bob'), server, token: `t-${tokens}` };
    };
    server.on('createRoom', room);
    server.on('joinRoom', room);
    const person = (userId: string) => ({
      ...{ userId, owner: userId === 'u-alice', held: false, devices: 1 },
      muted: { audio: false, video: false },
    });
    server.on('listParticipants', () => ({ participants: [person('u-alice'), person('u-bob')] }));
    server.on('mute', () => ({}));
    server.on('leaveRoom', () => ({}));
    session = await logIn(server);
    conference = await session.conferences.createConference();
  });

  afterEach(async () => {
    session.disconnect();
    await server.stop();
  });

  const join = (): Promise<void> => conference.media.join({ WebSocket: node.WebSocket });

  test('joins once, however often it is asked, and says what it sends', async () => {
    await Promise.all([join(), join()]);
    await conference.media.publish(trackOf('audio'));
    await conference.media.publish(trackOf('video'), { source: 'camera' });
    expect(node.sockets.length).toBe(1);
    expect(node.socket.token).toBe('t-1');
    expect(node.socket.offered).toEqual(['microphone', 'camera']);
    expect(conference.media.status).toBe('CONNECTED');
  });

  test('what is published before is sent as soon as there is a session', async () => {
    await conference.media.publish(trackOf('audio'));
    await join();
    expect(node.socket.offered).toEqual(['microphone']);
  });

  test('another device takes the place of the first without a new offer', async () => {
    await join();
    const [first, second] = [trackOf('audio'), trackOf('audio')];
    await conference.media.publish(first);
    const offers = node.socket.count('offer');
    await conference.media.publish(second);
    expect(node.socket.count('offer')).toBe(offers);
    expect(first.isStopped).toBe(true);
    expect(conference.media.localTracks.get('microphone')?.track).toBe(second);
  });

  test('a session that is lost is followed by one with a fresh token, which sends the same', async () => {
    const { events, listener } = collect<string>();
    conference.media.on('status', listener);
    await join();
    await conference.media.publish(trackOf('audio'));
    node.socket.tell({ type: 'bye', reason: 'lost' });
    await eventually(() => node.sockets.length === 2 && conference.media.status === 'CONNECTED');
    expect(node.socket.token).toBe('t-2');
    await eventually(() => node.socket.offered.length === 1);
    expect(events).toEqual(['JOINING', 'CONNECTED', 'RECONNECTING', 'CONNECTED']);
  });

  test('when the room moves to another node it is joined there at once, with the token that was sent along', async () => {
    await join();
    await conference.media.publish(trackOf('video'), { source: 'camera' });
    const moved = { roomId: 'r-1', server: { ws: 'ws://two/media', wss: 'wss://two/media' }, token: 't-two' };
    server.notice('alice', 'roomUpdated', { owner: 'u-alice', acl: [], record: false, ...moved } as never);
    await eventually(() => node.sockets.length === 2 && conference.media.status === 'CONNECTED');
    expect(node.socket.url).toBe('ws://two/media');
    expect(node.socket.token).toBe('t-two');
    await eventually(() => node.socket.offered.length === 1);
    expect(FakePeer.made.at(-2)?.isClosed).toBe(true);
  });

  test('what does not concern the media leaves them alone', async () => {
    await join();
    server.notice('alice', 'roomUpdated', { roomId: 'r-1', owner: 'u-bob', acl: [], record: false });
    await eventually(() => conference.owner === 'u-bob');
    await settle();
    expect(node.sockets.length).toBe(1);
  });

  test('muting switches the device off, and so does a moderator', async () => {
    await join();
    const track = trackOf('audio');
    await conference.media.publish(track);
    await conference.media.mute('audio');
    expect(track.enabled).toBe(false);
    await conference.media.unmute('audio');
    expect(track.enabled).toBe(true);
    server.notice('alice', 'mute-request', { roomId: 'r-1', media: 'audio', muted: true, by: 'u-bob' } as never);
    await eventually(() => !track.enabled);
  });

  test('a wish is told once for each track it holds for, and again to the next session', async () => {
    const offered = (trackId: string) => [
      {
        userId: 'u-bob',
        tracks: [{ trackId, source: 'camera' as const, kind: 'video' as const, muted: false, layers: [] }],
      },
    ];
    await join();
    conference.media.subscribe('u-bob', 'camera', { on: true, maxWidth: 320 });
    node.socket.tell({ type: 'tracks', tracks: [], participants: offered('7') });
    node.socket.tell({ type: 'tracks', tracks: [], participants: offered('7') });
    expect(node.socket.said).toEqual([{ type: 'subscribe', trackId: '7', on: true, maxWidth: 320 }]);
    node.participants = offered('9');
    node.socket.tell({ type: 'bye', reason: 'failed' });
    await eventually(() => node.sockets.length === 2 && node.socket.count('subscribe') === 1);
    expect(node.socket.said[0]).toMatchObject({ trackId: '9', maxWidth: 320 });
  });

  test('the end of the conference ends the media and lets go of the devices', async () => {
    await join();
    const track = trackOf('audio');
    await conference.media.publish(track);
    const ended = conference.media.once('ended');
    server.notice('alice', 'roomClosed', { roomId: 'r-1' } as never);
    expect(await ended).toEqual({ reason: 'closed' });
    expect(track.isStopped).toBe(true);
    expect(FakePeer.made.at(-1)?.isClosed).toBe(true);
    await expect(join()).rejects.toMatchObject({ code: 'media_ended' });
  });

  test('whoever was expelled from the media does not come back', async () => {
    await join();
    node.socket.tell({ type: 'bye', reason: 'expelled' });
    expect(conference.media.status).toBe('ENDED');
    await settle();
    expect(node.sockets.length).toBe(1);
  });

  test('a way that has failed is looked for anew in the same session, and so it is on another network', async () => {
    await join();
    FakePeer.made.at(-1)?.become('failed');
    await eventually(() => node.socket.count('restart') === 1);
    conference.media.connection?.networkChanged();
    await eventually(() => node.socket.count('restart') === 2);
    expect(node.sockets.length).toBe(1);
  });

  test('a socket that is cut is opened again with the same token, and what was said meanwhile is said then', async () => {
    await join();
    node.socket.cut();
    conference.media.connection?.subscribe('7', { on: false });
    await eventually(() => node.sockets.length === 2 && node.socket.count('subscribe') === 1);
    expect(node.socket.token).toBe('t-1');
    expect(conference.media.status).toBe('CONNECTED');
  });

  test('where there is no media node joining says so', async () => {
    server.on('joinRoom', () => roomOf('r-2', 'u-alice'));
    const other = await session.conferences.join('r-2');
    await expect(other.media.join({ WebSocket: node.WebSocket })).rejects.toMatchObject({ code: 'no_media' });
    expect(other.media.status).toBe('IDLE');
  });
});
