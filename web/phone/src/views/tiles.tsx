import type { Participant, RemoteTrack } from '@wac/sdk';
import type { JSX } from 'preact';
import type { Call } from '../call.js';
import type { Phone } from '../phone.js';
import type { Say } from '../words.js';
import { IconButton } from './button.js';
import { Avatar, Icon } from './icons.js';
import { OwnPicture, Picture } from './media.js';

/** One of the others: his picture, or his letters; and how he is. */
function Tile(props: {
  phone: Phone;
  call: Call;
  say: Say;
  person: Participant;
  picture?: RemoteTrack | undefined;
}): JSX.Element {
  const { phone, call, say, person, picture } = props;
  const { userId, isHeld, isMuted } = person;
  const name = phone.nameOf(userId) ?? say('guest');
  const speaks = call.speakers.includes(userId) && !isMuted.audio && !isHeld;
  const states = [isMuted.audio && say('muted'), isHeld && say('onHoldByOther')].filter(Boolean).join(', ');
  return (
    <section
      class={`tile${speaks ? ' speaks' : ''}${isHeld ? ' held' : ''}`}
      aria-label={states ? `${name}, ${states}` : name}
    >
      {picture && !isMuted.video && !isHeld ? (
        <Picture call={call} track={picture} name={name} />
      ) : (
        <Avatar name={name} />
      )}
      {isHeld && (
        <div class="state">
          <span>{say('onHold')}</span>
        </div>
      )}
      <div class="caption">
        {isMuted.audio && <Icon name="microphoneOff" />}
        {isHeld && <Icon name="hold" />}
        <span>{name}</span>
      </div>
      {call.isOwner && call.others.length > 1 && (
        <div class="tools">
          {!isMuted.audio && (
            <IconButton
              icon="microphoneOff"
              name={`${say('muteOther')}: ${name}`}
              onClick={() => void call.muteOther(userId)}
            />
          )}
          <IconButton icon="close" name={`${say('remove')}: ${name}`} onClick={() => void call.remove(userId)} />
        </div>
      )}
    </section>
  );
}

/** Everybody, shared screens first and large. */
export function Tiles({ phone, call, say }: { phone: Phone; call: Call; say: Say }): JSX.Element {
  const { remoteTracks, localTracks } = call.media;
  const screens = remoteTracks.filter(({ source }) => source === 'screen');
  const others = [...call.conference.participants.values()].filter(({ isLocal }) => !isLocal);
  const own = localTracks.get('camera');
  const ownScreen = localTracks.get('screen');
  const shared = screens.length + (ownScreen ? 1 : 0);
  return (
    <div class={`tiles n${Math.min(others.length, 9)}${shared > 0 ? ' shared' : ''}${call.isHeld ? ' away' : ''}`}>
      {screens.map(screen => {
        const name = `${say('screenOf')} ${phone.nameOf(screen.userId) ?? say('guest')}`;
        return (
          <section key={screen.trackId} class="tile wide" aria-label={name}>
            <Picture call={call} track={screen} name={name} />
            <div class="caption">
              <Icon name="screen" />
              <span>{name}</span>
            </div>
          </section>
        );
      })}
      {ownScreen && screens.length === 0 && (
        <section class="tile wide" aria-label={say('screen')}>
          <OwnPicture local={ownScreen} name={say('screen')} />
          <div class="caption">
            <Icon name="screen" />
            <span>{`${say('screen')} (${say('you')})`}</span>
          </div>
        </section>
      )}
      {others.map(person => {
        const picture = remoteTracks.find(track => track.userId === person.userId && track.source === 'camera');
        return <Tile key={person.userId} {...{ phone, call, say, person, picture }} />;
      })}
      {call.ringing.map(({ invitation, to, failure }) => {
        const name = phone.nameOf(to) ?? to;
        return (
          <section key={invitation.id} class={`tile rings${failure ? ' failed' : ''}`} aria-label={name}>
            <Avatar name={name} />
            <div class="state">
              <strong>{name}</strong>
              <span>{say(failure ?? 'calling')}</span>
            </div>
            {!failure && call.hadCompany && (
              <div class="tools">
                <IconButton
                  icon="close"
                  name={`${say('cancel')}: ${name}`}
                  onClick={() => void invitation.cancel().catch(() => {})}
                />
              </div>
            )}
          </section>
        );
      })}
      {others.length === 0 && call.ringing.length === 0 && (
        <section class="tile">
          <div class="state">
            <span>{say('nobodyYet')}</span>
          </div>
        </section>
      )}
      {own && (
        <div class="self">
          <OwnPicture local={own} name={say('you')} />
        </div>
      )}
    </div>
  );
}
