import { describe, expect, test } from 'vitest';
import { type Report, type Section, Statistics } from '../../src/media/stats.js';

const sections = new Map<string, Section>([
  ['0', { userId: undefined, source: 'camera' }],
  ['1', { userId: 'u-bob', source: 'microphone' }],
]);

/** Two layers that are sent and sound that arrives, after so many seconds. */
function reports(seconds: number): Report[] {
  const timestamp = seconds * 1_000;
  const common = { timestamp, kind: 'video', mid: '0', type: 'outbound-rtp', packetsSent: 50 * seconds };
  return [
    {
      ...common,
      id: 'q',
      bytesSent: 10_000 * seconds,
      frameWidth: 320,
      frameHeight: 180,
      framesPerSecond: 20,
      remoteId: 'r',
    },
    { ...common, id: 'f', bytesSent: 90_000 * seconds, frameWidth: 1_280, frameHeight: 720, framesPerSecond: 0 },
    { id: 'r', type: 'remote-inbound-rtp', timestamp, packetsLost: 3 },
    {
      ...{ id: 'a', type: 'inbound-rtp', timestamp, kind: 'audio', mid: '1', codecId: 'c', jitter: 0.012 },
      ...{ packetsReceived: 50 * seconds, packetsLost: 1, bytesReceived: 4_000 * seconds },
    },
    { id: 'x', type: 'inbound-rtp', timestamp, kind: 'audio', mid: '9' },
    { id: 'c', type: 'codec', timestamp, mimeType: 'audio/opus' },
    { id: 'p', type: 'candidate-pair', timestamp, nominated: true, currentRoundTripTime: 0.034 },
  ];
}

describe('statistics', () => {
  test('are those of each track, with rates since the last time', () => {
    const statistics = new Statistics();
    expect(statistics.summary(reports(1), sections).sent[0]?.bitrateKbps).toBe(0);
    const { roundTripMs, sent, received } = statistics.summary(reports(3), sections);
    expect(roundTripMs).toBe(34);
    expect(sent).toMatchObject([{ source: 'camera', kind: 'video', bitrateKbps: 800, packets: 300, packetsLost: 3 }]);
    // The largest picture is none while nothing of it is sent.
    expect(sent[0]).toMatchObject({ width: 320, framesPerSecond: 20 });
    expect(received).toMatchObject([
      { userId: 'u-bob', source: 'microphone', codec: 'opus', bitrateKbps: 32, packetsLost: 1, jitterMs: 12 },
    ]);
  });

  test('are nothing when nothing is known', () => {
    const none = new Statistics().summary([], sections);
    expect(none).toEqual({ roundTripMs: undefined, availableUpKbps: undefined, sent: [], received: [] });
  });
});
