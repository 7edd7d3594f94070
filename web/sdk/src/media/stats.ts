import type { TrackSource } from './frames.js';

/** How one track is doing. */
export interface TrackStats {
  /** Whose it is; `undefined`: this device's own. */
  userId: string | undefined;
  source: TrackSource;
  kind: 'audio' | 'video';
  codec: string | undefined;
  /** Since the last time it was asked. */
  bitrateKbps: number;
  packets: number;
  packetsLost: number;
  /** In milliseconds; of what arrives. */
  jitterMs: number | undefined;
  /** Of pictures; of simulcast the largest that is sent. */
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
  /** Pictures shown or sent so far. */
  frames: number | undefined;
  /** How often the picture stood still; of what arrives. */
  freezes: number | undefined;
}

/** How the media of a conference are doing. */
export interface MediaStats {
  /** There and back, in milliseconds. */
  roundTripMs: number | undefined;
  /** What the way to the node is believed to bear, in kbit/s. */
  availableUpKbps: number | undefined;
  sent: TrackStats[];
  received: TrackStats[];
}

/** What a media section carries, and whose that is. */
export interface Section {
  userId: string | undefined;
  source: TrackSource;
}

/** What the SDK reads of the browser's reports; which are there depends on the browser. */
export type Report = { id: string; type: string; timestamp: number } & Record<string, unknown>;

const number = (report: Report | undefined, field: string): number | undefined => {
  const value = report?.[field];
  return typeof value === 'number' ? value : undefined;
};

/** Makes figures of the browser's reports; rates are those since the last time. */
export class Statistics {
  readonly #last = new Map<string, { bytes: number; at: number }>();

  /** @param sections - What the media sections carry, by `mid`. */
  summary(reports: readonly Report[], sections: ReadonlyMap<string, Section>): MediaStats {
    const byId = new Map(reports.map(report => [report.id, report]));
    const pair = reports.find(
      ({ type, nominated, state }) => type === 'candidate-pair' && (nominated || state === 'succeeded'),
    );
    const roundTrip = number(pair, 'currentRoundTripTime');
    const available = number(pair, 'availableOutgoingBitrate');
    return {
      roundTripMs: roundTrip === undefined ? undefined : Math.round(roundTrip * 1_000),
      availableUpKbps: available === undefined ? undefined : Math.round(available / 1_000),
      sent: this.#tracks(reports, byId, sections, 'outbound-rtp'),
      received: this.#tracks(reports, byId, sections, 'inbound-rtp'),
    };
  }

  #tracks(
    reports: readonly Report[],
    byId: ReadonlyMap<string, Report>,
    sections: ReadonlyMap<string, Section>,
    type: 'outbound-rtp' | 'inbound-rtp',
  ): TrackStats[] {
    const groups = new Map<string, Report[]>();
    for (const report of reports) {
      const mid = String(report['mid']);
      if (report.type === type && sections.has(mid)) groups.set(mid, [...(groups.get(mid) ?? []), report]);
    }
    return [...groups].map(([mid, layers]) => this.#track(layers, byId, sections.get(mid) as Section, type));
  }

  /** A track: of simulcast several streams, of which the largest counts for the size. */
  #track(layers: Report[], byId: ReadonlyMap<string, Report>, section: Section, type: string): TrackStats {
    const inbound = type === 'inbound-rtp';
    const sum = (field: string): number => layers.reduce((total, layer) => total + (number(layer, field) ?? 0), 0);
    const active = layers.filter(layer => (number(layer, 'framesPerSecond') ?? 0) > 0);
    const widest = (active.length > 0 ? active : layers).reduce((one, other) =>
      (number(other, 'frameWidth') ?? 0) > (number(one, 'frameWidth') ?? 0) ? other : one,
    );
    const jitter = number(widest, 'jitter');
    const remote = layers.map(layer => byId.get(String(layer['remoteId'])));
    const lost = inbound ? sum('packetsLost') : remote.reduce((all, one) => all + (number(one, 'packetsLost') ?? 0), 0);
    const codec = byId.get(String(widest['codecId']))?.['mimeType'];
    return {
      ...section,
      kind: widest['kind'] === 'audio' ? 'audio' : 'video',
      codec: typeof codec === 'string' ? codec.replace(/^.*\//, '') : undefined,
      bitrateKbps: layers.reduce((all, one) => all + this.#rate(one, inbound ? 'bytesReceived' : 'bytesSent'), 0),
      packets: sum(inbound ? 'packetsReceived' : 'packetsSent'),
      packetsLost: lost,
      jitterMs: inbound && jitter !== undefined ? Math.round(jitter * 1_000) : undefined,
      width: number(widest, 'frameWidth'),
      height: number(widest, 'frameHeight'),
      framesPerSecond: number(widest, 'framesPerSecond'),
      frames: number(widest, inbound ? 'framesDecoded' : 'framesEncoded'),
      freezes: inbound ? number(widest, 'freezeCount') : undefined,
    };
  }

  #rate(report: Report, field: string): number {
    const bytes = number(report, field) ?? 0;
    const last = this.#last.get(report.id);
    this.#last.set(report.id, { bytes, at: report.timestamp });
    const elapsedMs = report.timestamp - (last?.at ?? report.timestamp);
    if (!last || elapsedMs <= 0 || bytes < last.bytes) return 0;
    return Math.round(((bytes - last.bytes) * 8) / elapsedMs);
  }
}
