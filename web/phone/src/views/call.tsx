import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call } from '../call.js';
import { useChanges } from '../changes.js';
import type { Phone } from '../phone.js';
import type { Say, WordKey } from '../words.js';
import { IconButton } from './button.js';
import { More } from './more.js';
import { Picker } from './picker.js';
import { clock } from './recent.js';
import { Tiles } from './tiles.js';

/** Whom a call is with, in names. */
export function titleOf(phone: Phone, call: Call, say: Say): string {
  const names = call.others.map(id => phone.nameOf(id) ?? say('guest'));
  const rings = call.ringing.map(({ to }) => phone.nameOf(to) ?? to);
  return [...names, ...rings].join(', ') || say('call');
}

/** How a call is; `undefined`: well, and so for how long. */
function stateOf(phone: Phone, call: Call): WordKey | undefined {
  if (phone.session?.status !== 'CONNECTED') return 'notConnected';
  if (call.isHeld) return 'onHold';
  if (call.media.status === 'RECONNECTING') return 'reconnecting';
  if (call.isTransferring) return 'transferring';
  if (call.others.length === 0) return call.ringing.some(({ failure }) => !failure) ? 'calling' : 'nobodyYet';
  if (call.media.status === 'JOINING') return 'joining';
  return call.isPoor ? 'poor' : undefined;
}

function Timer({ since }: { since: number }): JSX.Element {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span class="timer" role="timer" aria-live="off">
      {clock(Math.max(0, Math.round((now - since) / 1_000)))}
    </span>
  );
}

type Open = 'add' | 'transfer' | 'more' | undefined;

/** A call: who is in it, and what can be done. */
export function CallView({ phone, call, say }: { phone: Phone; call: Call; say: Say }): JSX.Element {
  useChanges(call);
  const [open, setOpen] = useState<Open>();
  const main = useRef<HTMLElement>(null);
  // Whoever uses keys or listens goes on from here.
  useEffect(() => main.current?.focus(), []);
  const close = (): void => setOpen(undefined);
  const toggle = (what: Open): void => setOpen(open === what ? undefined : what);
  const state = stateOf(phone, call);
  const title = titleOf(phone, call, say);
  const isTalking = call.others.length > 0;
  const targets = phone.calls.filter(other => other !== call && other.others.length > 0);
  const micOff = call.isMuted || !call.hasMicrophone;
  return (
    <main
      class="call"
      aria-label={title}
      tabIndex={-1}
      ref={main}
      onKeyDown={event => {
        if (event.key === 'Escape') close();
      }}
    >
      <header>
        <IconButton icon="back" name={say('back')} onClick={() => phone.activate(undefined)} />
        <div class="title">
          <h1>{title}</h1>
          <p class={`status ${state ?? ''}`}>
            <span aria-live="polite">{state && say(state)}</span>
            {!state && <Timer since={call.startedAt} />}
          </p>
          <p class="spoken" aria-live="polite">
            {call.news && `${phone.nameOf(call.news.userId) ?? say('guest')} ${say(call.news.words)}`}
          </p>
        </div>
        <IconButton
          icon={phone.isLoud ? 'loud' : 'quiet'}
          name={say(phone.isLoud ? 'loudOff' : 'loudOn')}
          pressed={!phone.isLoud}
          onClick={() => {
            phone.isLoud = !phone.isLoud;
            phone.changed();
          }}
        />
      </header>
      <Tiles {...{ phone, call, say }} />
      {call.told && (
        <div class={`told${call.told.isError ? ' error' : ''}`} role={call.told.isError ? 'alert' : 'status'}>
          <span class="words" title={call.told.detail}>
            {say(call.told.words)}
          </span>
          <IconButton
            icon="close"
            name={say('close')}
            onClick={() => {
              call.told = undefined;
              call.changed();
            }}
          />
        </div>
      )}
      {open === 'add' && (
        <Picker
          {...{ phone, say, close }}
          title={say('addSomeone')}
          action={say('add')}
          without={call.others}
          choose={to => void call.invite(to)}
        />
      )}
      {open === 'transfer' && (
        <Picker
          {...{ phone, say, close }}
          title={say('transferHint')}
          action={say('transfer')}
          without={call.others}
          shortcuts={targets.map(target => ({
            name: `${say('transferInto')} ${titleOf(phone, target, say)}`,
            choose: () => void call.transferInto(target),
          }))}
          choose={to => void call.transferTo(to)}
        />
      )}
      {open === 'more' && <More {...{ phone, call, say, close }} />}
      <div class="controls" role="toolbar" aria-label={title}>
        <IconButton
          icon={micOff ? 'microphoneOff' : 'microphone'}
          name={say(micOff ? 'unmute' : 'mute')}
          pressed={micOff}
          kind={micOff ? 'on' : 'plain'}
          onClick={() => void call.toggleMicrophone()}
        />
        <IconButton
          icon={call.hasCamera ? 'camera' : 'cameraOff'}
          name={say(call.hasCamera ? 'cameraOff' : 'cameraOn')}
          pressed={!call.hasCamera}
          kind={call.hasCamera ? 'plain' : 'on'}
          onClick={() => void call.toggleCamera()}
        />
        <IconButton
          icon="screen"
          name={say(call.hasScreen ? 'stopScreen' : 'shareScreen')}
          pressed={call.hasScreen}
          kind={call.hasScreen ? 'good' : 'plain'}
          onClick={() => void call.toggleScreen()}
        />
        <IconButton
          icon={call.isHeld ? 'play' : 'hold'}
          name={say(call.isHeld ? 'resume' : 'hold')}
          pressed={call.isHeld}
          kind={call.isHeld ? 'on' : 'plain'}
          disabled={!isTalking}
          onClick={() => void call.toggleHold()}
        />
        <IconButton icon="add" name={say('addSomeone')} onClick={() => toggle('add')} />
        <IconButton
          icon="transfer"
          name={say('transfer')}
          disabled={call.others.length !== 1}
          onClick={() => toggle('transfer')}
        />
        <IconButton icon="more" name={say('more')} onClick={() => toggle('more')} />
        <IconButton icon="hangUp" name={say('hangUp')} kind="bad" onClick={() => void call.hangUp()} />
      </div>
    </main>
  );
}
