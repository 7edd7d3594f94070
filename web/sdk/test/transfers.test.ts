import { afterEach, beforeEach, expect, test } from 'vitest';
import { BusyError, type Conference, type IncomingTransfer, type Session } from '../src/index.js';
import { FakeServer } from './fake/server.js';
import { logIn, roomOf } from './support.js';

let server: FakeServer;
let session: Session;
let conference: Conference;

beforeEach(async () => {
  server = await FakeServer.start();
  let made = 0;
  server.on('createRoom', () => roomOf(`r-${++made}`, 'u-alice'));
  server.on('callTransfer', () => ({ callTransferId: 't-1' }));
  server.on('attendedTransfer', () => ({ callTransferId: 't-1' }));
  server.on('acceptTransfer', () => ({}));
  server.on('declineTransfer', () => ({}));
  session = await logIn(server);
  conference = await session.conferences.createConference();
});

afterEach(async () => {
  session.disconnect();
  await server.stop();
});

const sent = (name: string) => server.requests.filter(({ request }) => request === name).at(-1)?.payload;

async function asked(): Promise<IncomingTransfer> {
  const told = conference.once('transfer');
  const mediaTypes = { audio: true, video: false };
  server.notice('alice', 'callTransferStart', { callTransferId: 't-1', roomId: 'r-1', to: 'carol', mediaTypes });
  return told;
}

test('a blind transfer that succeeds takes the transferor out', async () => {
  const transfer = await conference.transfer('carol', { mediatypes: { audio: true, video: false } });
  expect(sent('callTransfer')).toEqual({ to: 'carol', roomId: 'r-1', mediaTypes: { audio: true, video: false } });
  server.notice('alice', 'callTransferCompleted', { callTransferId: 't-1', roomId: 'r-1' });
  await transfer.outcome();
  expect(conference.endReason).toBe('transferred');
});

test('leaving as part of a transfer is not taken for anything else', async () => {
  const transfer = await conference.transfer('carol');
  server.notice('alice', 'participantLeft', { roomId: 'r-1', userId: 'u-alice', reason: 'left' });
  server.notice('alice', 'callTransferCompleted', { callTransferId: 't-1', roomId: 'r-1' });
  await transfer.outcome();
  expect(conference.endReason).toBe('transferred');
  expect(sent('listParticipants')).toBeUndefined();
});

test('a blind transfer that fails leaves everybody where he is', async () => {
  const transfer = await conference.transfer('carol');
  server.notice('alice', 'callTransferFailed', { callTransferId: 't-1', errorCode: 486 });
  await expect(transfer.outcome()).rejects.toBeInstanceOf(BusyError);
  expect(conference.status).toBe('CONNECTED');
});

test('an attended transfer takes the transferor out of both conferences', async () => {
  const second = await session.conferences.createConference();
  const transfer = await conference.transferInto(second);
  expect(sent('attendedTransfer')).toEqual({ roomId: 'r-1', targetRoomId: 'r-2' });
  server.notice('alice', 'callTransferCompleted', { callTransferId: 't-1', roomId: 'r-2' });
  await transfer.outcome();
  expect([conference.endReason, second.endReason]).toEqual(['transferred', 'transferred']);
});

test('who is transferred blindly stays in his conference', async () => {
  const transfer = await asked();
  expect(transfer).toMatchObject({ to: 'carol', mediaTypes: { audio: true, video: false } });
  await transfer.accept();
  expect(sent('acceptTransfer')).toEqual({ callTransferId: 't-1' });
  server.notice('alice', 'callTransferCompleted', { callTransferId: 't-1', roomId: 'r-1' });
  expect(await transfer.outcome()).toBe(conference);
});

test('who is transferred into another conference joins it and has left the first', async () => {
  server.on('joinRoom', () => roomOf('r-8', 'u-carol', 'u-alice'));
  server.on('listParticipants', () => ({ participants: [] }));
  const transfer = await asked();
  await transfer.accept();
  server.notice('alice', 'callTransferCompleted', { callTransferId: 't-1', roomId: 'r-8' });
  expect((await transfer.outcome()).id).toBe('r-8');
  expect(conference.endReason).toBe('transferred');
});

test('who is transferred into a conference he is in already stays in that one', async () => {
  const second = await session.conferences.createConference();
  const transfer = await asked();
  server.notice('alice', 'callTransferCompleted', { callTransferId: 't-1', roomId: 'r-2' });
  expect(await transfer.outcome()).toBe(second);
  expect(conference.endReason).toBe('transferred');
});

test('a transfer can be refused, and may fail', async () => {
  const transfer = await asked();
  await transfer.decline();
  expect(sent('declineTransfer')).toEqual({ callTransferId: 't-1', errorCode: 603 });
  server.notice('alice', 'callTransferFailed', { callTransferId: 't-1', errorCode: 603 });
  await expect(transfer.outcome()).rejects.toMatchObject({ status: 603 });
  expect(conference.status).toBe('CONNECTED');
});
