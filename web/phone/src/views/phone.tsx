import type { JSX } from 'preact';
import { useChanges } from '../changes.js';
import { Asked } from './asked.js';
import { IconButton } from './button.js';
import { Home, LanguageChoice, type Shared } from './home.js';
import { Incoming } from './incoming.js';
import { type GuestLink, SignIn } from './sign-in.js';

/** A whole phone. */
export function PhoneView({ guest, ...shared }: Shared & { guest?: GuestLink | undefined }): JSX.Element {
  const { phone, say } = shared;
  useChanges(phone);
  return (
    <div class="phone" lang={shared.language}>
      {phone.place === 'starting' && (
        <main class="welcome">
          <p role="status">{say('connecting')}</p>
        </main>
      )}
      {phone.place === 'signed-out' && (
        <>
          <SignIn {...{ phone, say, guest }} />
          <div class="corner">
            <LanguageChoice {...shared} />
          </div>
        </>
      )}
      {phone.place === 'signed-in' && <Home {...shared} />}
      {phone.place === 'signed-in' && phone.session?.status === 'SUSPENDED' && !phone.active && (
        <p class="banner" role="status">
          {say('notConnected')}
        </p>
      )}
      <div class="over">
        {phone.incoming.map(invitation => (
          <Incoming key={invitation.id} {...{ phone, say, invitation }} />
        ))}
        {phone.calls.map(
          call => call.transfer && <Asked key={call.id} {...{ phone, call, say }} to={call.transfer.to} />,
        )}
      </div>
      <div class={`over${phone.active ? '' : ' low'}`}>
        {phone.told && (
          <div class={`told${phone.told.isError ? ' error' : ''}`} role={phone.told.isError ? 'alert' : 'status'}>
            <span class="words" title={phone.told.detail}>
              {say(phone.told.words)}
              {phone.told.detail && !phone.told.isError ? `: ${phone.told.detail}` : ''}
            </span>
            <IconButton icon="close" name={say('close')} onClick={() => phone.tell(undefined)} />
          </div>
        )}
      </div>
    </div>
  );
}
