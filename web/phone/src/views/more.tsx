import { type MediaDevices, type MediaStats, mediaDevices } from '@wac/sdk';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Call } from '../call.js';
import type { Phone } from '../phone.js';
import type { Say } from '../words.js';
import { IconButton } from './button.js';

/** How often the figures are read, in milliseconds. */
const FIGURES_EVERY_MS = 2_000;

/** Whether the browser lets a page choose where its sound goes. */
const CHOOSES_SPEAKERS = 'setSinkId' in HTMLMediaElement.prototype;

interface Given {
  phone: Phone;
  call: Call;
  say: Say;
}

function Choice(props: {
  name: string;
  all: readonly MediaDeviceInfo[];
  chosen: string | undefined;
  choose: (deviceId: string) => void;
}): JSX.Element {
  const { name, all, chosen, choose } = props;
  return (
    <label>
      {name}
      <select value={chosen} onChange={event => choose(event.currentTarget.value)}>
        {all.map(({ deviceId, label }, index) => (
          <option key={deviceId} value={deviceId}>
            {label || `${name} ${index + 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Which devices are used. */
function Devices({ phone, call, say }: Given): JSX.Element {
  const [devices, setDevices] = useState<MediaDevices | undefined>();
  useEffect(() => {
    const read = (): void => void mediaDevices().then(setDevices, () => {});
    read();
    navigator.mediaDevices?.addEventListener('devicechange', read);
    return () => navigator.mediaDevices?.removeEventListener('devicechange', read);
  }, []);
  const used = (source: 'microphone' | 'camera'): string | undefined =>
    call.media.localTracks.get(source)?.track.getSettings().deviceId;
  return (
    <>
      <Choice
        name={say('microphone')}
        all={devices?.microphones ?? []}
        chosen={used('microphone')}
        choose={deviceId => void call.useDevice('microphone', deviceId)}
      />
      {call.hasCamera && (
        <Choice
          name={say('camera')}
          all={devices?.cameras ?? []}
          chosen={used('camera')}
          choose={deviceId => void call.useDevice('camera', deviceId)}
        />
      )}
      {CHOOSES_SPEAKERS && devices && devices.speakers.length > 1 && (
        <Choice
          name={say('speaker')}
          all={devices.speakers}
          chosen={phone.speaker}
          choose={deviceId => {
            phone.speaker = deviceId;
            phone.changed();
          }}
        />
      )}
    </>
  );
}

/** How the way to the node is, for whoever wants to know. */
function Figures({ call, say }: Omit<Given, 'phone'>): JSX.Element | null {
  const [stats, setStats] = useState<MediaStats | undefined>();
  useEffect(() => {
    const read = (): void => void call.media.stats().then(setStats, () => {});
    read();
    const timer = setInterval(read, FIGURES_EVERY_MS);
    return () => clearInterval(timer);
  }, [call]);
  if (!stats) return null;
  const rate = (tracks: MediaStats['sent']): string =>
    `${tracks.reduce((sum, one) => sum + one.bitrateKbps, 0)} kbit/s`;
  const lost = stats.received.reduce((sum, one) => sum + one.packetsLost, 0);
  const all = stats.received.reduce((sum, one) => sum + one.packets, lost);
  const figures = [
    [say('roundTrip'), stats.roundTripMs === undefined ? '–' : `${stats.roundTripMs} ms`],
    [say('up'), rate(stats.sent)],
    [say('down'), rate(stats.received)],
    [say('loss'), all === 0 ? '–' : `${((100 * lost) / all).toFixed(1)} %`],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What is not wanted all the time. */
export function More({ close, ...given }: Given & { close: () => void }): JSX.Element {
  const { call, say } = given;
  return (
    <div class="picker" role="dialog" aria-label={say('more')}>
      <div class="head">
        <h2>{say('more')}</h2>
        <IconButton icon="close" name={say('close')} onClick={close} />
      </div>
      <Devices {...given} />
      <Figures {...{ call, say }} />
      {call.isOwner && call.others.length > 0 && (
        <button type="button" class="danger wide" onClick={() => void call.endForAll()}>
          {say('endForAll')}
        </button>
      )}
    </div>
  );
}
