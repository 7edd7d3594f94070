import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Phone } from '../phone.js';
import type { Say } from '../words.js';
import { Icon } from './icons.js';

/** How a guest comes: `?guest=<domain>`, and whom he is to call: `&call=<name>`. */
export interface GuestLink {
  domain: string;
  call: string | undefined;
}

/** Reads it of an address. */
export function guestLinkOf(search: string): GuestLink | undefined {
  const query = new URLSearchParams(search);
  const domain = query.get('guest');
  return domain ? { domain, call: query.get('call') ?? undefined } : undefined;
}

/** The way in: name and password, or as a guest. */
export function SignIn({ phone, say, guest }: { phone: Phone; say: Say; guest?: GuestLink | undefined }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const during = async (action: () => Promise<void>): Promise<void> => {
    setBusy(true);
    await action();
    setBusy(false);
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    void during(() => phone.signIn(String(form.get('username')).trim(), String(form.get('password'))));
  };
  const enter = (link: GuestLink): void => {
    void during(async () => {
      await phone.enterAsGuest(link.domain);
      if (link.call && phone.place === 'signed-in') await phone.call(link.call, true);
    });
  };
  return (
    <main class="sign-in">
      <div class="card">
        <span class="mark">
          <Icon name="phone" />
        </span>
        {guest && (
          <section class="guest" aria-label={say('guest')}>
            <p>{say('guestIntro')}</p>
            <button type="button" class="primary wide" disabled={busy} onClick={() => enter(guest)}>
              {guest.call ? `${say('call')}: ${guest.call}` : say('allowGuests')}
            </button>
            <hr />
          </section>
        )}
        <h1>{say('signInTitle')}</h1>
        <form onSubmit={submit}>
          <label>
            {say('username')}
            <input
              name="username"
              autocomplete="username"
              placeholder={say('usernameHint')}
              autocapitalize="none"
              required
            />
          </label>
          <label>
            {say('password')}
            <input name="password" type="password" autocomplete="current-password" required />
          </label>
          <button type="submit" class={guest ? 'wide' : 'primary wide'} disabled={busy}>
            {say(busy ? 'signingIn' : 'signIn')}
          </button>
        </form>
        <p class="hint">{say('privacy')}</p>
      </div>
    </main>
  );
}
