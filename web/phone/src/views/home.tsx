import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Phone } from '../phone.js';
import { LANGUAGES, type Language, type Say } from '../words.js';
import { IconButton } from './button.js';
import { CallView, titleOf } from './call.js';
import { Avatar, Icon } from './icons.js';
import { Sound } from './media.js';
import { nameOf, People, presenceOf } from './people.js';
import { Recent } from './recent.js';

/** What all views are given. */
export interface Shared {
  phone: Phone;
  say: Say;
  language: Language;
  setLanguage: (language: Language) => void;
}

const ACTIVITIES = [
  ['available', 'available'],
  ['busy', 'busyActivity'],
  ['away', 'away'],
] as const;

/** Chooses the language. */
export function LanguageChoice({ say, language, setLanguage }: Omit<Shared, 'phone'>): JSX.Element {
  return (
    <select
      class="quiet"
      aria-label={say('language')}
      value={language}
      onChange={event => setLanguage(event.currentTarget.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([tag, name]) => (
        <option key={tag} value={tag}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** Who one is, how one is, and the way out. */
function Self({ phone, say, language, setLanguage }: Shared): JSX.Element {
  const { self } = phone;
  const name = self && !phone.isGuest ? nameOf(self) : say('guest');
  const activity = phone.session?.presence.own?.activity ?? self?.presence.activity ?? 'available';
  const shown = ACTIVITIES.some(([value]) => value === activity) ? activity : 'available';
  const copy = async (): Promise<void> => {
    const link = `${location.origin}/phone?guest=${encodeURIComponent(self?.domain ?? '')}&call=${encodeURIComponent(self?.username ?? '')}`;
    await navigator.clipboard.writeText(link).then(
      () => phone.tell('copied'),
      () => phone.tell('failed', link, true),
    );
  };
  return (
    <header class="self-bar">
      <Avatar
        name={name}
        presence={
          self && phone.session?.status === 'CONNECTED'
            ? presenceOf({ ...self, presence: { ...self.presence, online: true } })[0]
            : 'gone'
        }
      />
      <div class="who">
        <strong class="name">{name}</strong>
        {!phone.isGuest && (
          <select
            class="quiet"
            aria-label={say('presence')}
            value={shown}
            onChange={event => void phone.setActivity(event.currentTarget.value as 'available' | 'busy' | 'away')}
          >
            {ACTIVITIES.map(([value, word]) => (
              <option key={value} value={value}>
                {say(word)}
              </option>
            ))}
          </select>
        )}
      </div>
      <LanguageChoice {...{ say, language, setLanguage }} />
      {!phone.isGuest && <IconButton icon="link" name={say('copyGuestLink')} onClick={() => void copy()} />}
      <IconButton icon="signOut" name={say('signOut')} onClick={() => void phone.signOut()} />
    </header>
  );
}

/** The phone of somebody who is signed in. */
export function Home(shared: Shared): JSX.Element {
  const { phone, say, language } = shared;
  const [tab, setTab] = useState<'people' | 'recent'>('people');
  const [sought, setSought] = useState('');
  const dial = (video: boolean): void => {
    if (sought.trim() === '') return;
    setSought('');
    void phone.call(sought, video);
  };
  const parked = phone.calls.filter(call => call !== phone.active);
  return (
    <div class={`home${phone.active ? ' calling' : ''}`}>
      <aside class="side">
        <Self {...shared} />
        <form
          class="dial"
          onSubmit={event => {
            event.preventDefault();
            dial(false);
          }}
        >
          <Icon name="search" />
          <input
            value={sought}
            aria-label={say('search')}
            placeholder={say('search')}
            autocapitalize="none"
            autocomplete="off"
            onInput={event => {
              setSought(event.currentTarget.value);
              setTab('people');
            }}
          />
          {sought.trim() !== '' && (
            <>
              <IconButton icon="phone" name={say('audioCall')} onClick={() => dial(false)} />
              <IconButton icon="camera" name={say('videoCall')} onClick={() => dial(true)} />
            </>
          )}
        </form>
        {parked.map(call => (
          <button key={call.id} type="button" class="parked" onClick={() => void phone.switchTo(call)}>
            <Icon name={call.isHeld ? 'hold' : 'phone'} />
            <span class="who">
              <span class="name">{titleOf(phone, call, say)}</span>
              <span class="detail">{say(call.isHeld ? 'onHold' : 'talking')}</span>
            </span>
            <span class="go">{say(call.isHeld ? 'resume' : 'switchTo')}</span>
          </button>
        ))}
        <nav class="tabs" aria-label={`${say('people')}, ${say('recent')}`}>
          {(['people', 'recent'] as const).map(name => (
            <button
              key={name}
              type="button"
              aria-current={tab === name ? 'page' : undefined}
              onClick={() => setTab(name)}
            >
              {say(name)}
            </button>
          ))}
        </nav>
        <div class="scroll">
          {tab === 'people' ? <People {...{ phone, say, sought }} /> : <Recent {...{ phone, say, language }} />}
        </div>
      </aside>
      {phone.calls.flatMap(call =>
        call.media.remoteTracks
          .filter(({ kind }) => kind === 'audio')
          .map(track => (
            <Sound
              key={`${call.id} ${track.trackId}`}
              track={track}
              isLoud={phone.isLoud && !call.isHeld}
              speaker={phone.speaker}
            />
          )),
      )}
      {phone.active ? (
        <CallView key={phone.active.id} phone={phone} call={phone.active} say={say} />
      ) : (
        <main class="welcome">
          <span class="mark">
            <Icon name="phone" />
          </span>
          <h1>{say('welcome')}</h1>
          <p>{say('welcomeHint')}</p>
        </main>
      )}
    </div>
  );
}
