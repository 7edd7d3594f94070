import type { ConferenceInvitation } from '@wac/sdk';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Phone } from '../phone.js';
import type { Say } from '../words.js';
import { IconButton } from './button.js';
import { Avatar } from './icons.js';

/** Somebody calls. */
export function Incoming({
  phone,
  say,
  invitation,
}: {
  phone: Phone;
  say: Say;
  invitation: ConferenceInvitation;
}): JSX.Element {
  const dialog = useRef<HTMLDivElement>(null);
  useEffect(() => dialog.current?.focus(), []);
  const { displayName, username, userId } = invitation.fromDetails;
  const name = displayName ?? phone.nameOf(userId) ?? say(username ? 'guest' : 'unknown');
  const { video } = invitation.mediatypes;
  return (
    <div class="incoming" role="alertdialog" aria-label={`${say('incoming')}: ${name}`} tabIndex={-1} ref={dialog}>
      <Avatar name={name} />
      <div class="who">
        <strong>{name}</strong>
        <span>{say(video ? 'incomingVideo' : 'incomingAudio')}</span>
      </div>
      <div class="answers">
        <IconButton
          icon="hangUp"
          kind="bad"
          label={say('decline')}
          name={say('decline')}
          onClick={() => void phone.decline(invitation)}
        />
        <IconButton
          icon="phone"
          kind="good"
          label={say(video ? 'voice' : 'acceptAudio')}
          name={say(video ? 'acceptVoice' : 'acceptAudio')}
          onClick={() => void phone.accept(invitation, false)}
        />
        {video && (
          <IconButton
            icon="camera"
            kind="good"
            label={say('video')}
            name={say('acceptVideo')}
            onClick={() => void phone.accept(invitation, true)}
          />
        )}
      </div>
    </div>
  );
}
