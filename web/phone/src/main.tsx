import type { JSX } from 'preact';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import './styles/base.css';
import './styles/controls.css';
import './styles/people.css';
import './styles/phone.css';
import './styles/call.css';
import './styles/over.css';
import { openPair } from './pair.js';
import { Phone } from './phone.js';
import { PhoneView } from './views/phone.js';
import { guestLinkOf } from './views/sign-in.js';
import { type Language, preferLanguage, preferredLanguage, sayIn } from './words.js';

/** Where the two phones of a first call with oneself are. */
const isPair = location.pathname.endsWith('/pair');
const phones = isPair ? [new Phone('wac.pair.0'), new Phone('wac.pair.1')] : [new Phone()];

function App(): JSX.Element {
  const [language, setLanguage] = useState<Language>(preferredLanguage);
  const say = sayIn(language);
  useEffect(() => {
    document.documentElement.lang = language;
    preferLanguage(language);
  }, [language]);
  const guest = guestLinkOf(location.search);
  const views = phones.map((phone, index) => (
    <PhoneView key={String(index)} {...{ phone, say, language, setLanguage, guest }} />
  ));
  if (!isPair) return <>{views}</>;
  return (
    <div class="pair">
      <header>
        <h1>{say('pairTitle')}</h1>
        <p>{say('pairHint')}</p>
      </header>
      <div class="both">{views}</div>
    </div>
  );
}

// Whoever is at another page sees that somebody calls.
for (const phone of phones) {
  phone.watch(() => {
    const rings = phones.some(({ incoming }) => incoming.length > 0);
    document.title = rings ? `📞 ${sayIn(preferredLanguage())('incoming')}` : 'wac phone';
  });
}

const root = document.getElementById('phones');
if (root) render(<App />, root);
if (isPair) void openPair(phones);
else for (const phone of phones) void phone.resume();
