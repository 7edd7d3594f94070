import type { Contact } from '@wac/sdk';
import type { JSX } from 'preact';
import type { Phone } from '../phone.js';
import type { Say, WordKey } from '../words.js';
import { IconButton } from './button.js';
import { Avatar } from './icons.js';

/** What a colour stands for. */
export type Shown = 'free' | 'away' | 'taken' | 'gone';

const AWAY: ReadonlySet<string> = new Set([
  'away',
  'breakfast',
  'lunch',
  'dinner',
  'meal',
  'holiday',
  'vacation',
  'sleeping',
]);
const TAKEN: ReadonlySet<string> = new Set([
  'busy',
  'on-the-phone',
  'meeting',
  'appointment',
  'presentation',
  'performance',
]);

/** How somebody is, in a colour and a word. */
export function presenceOf({ presence }: Contact): [Shown, WordKey] {
  if (!presence.online) return ['gone', 'offline'];
  if (AWAY.has(presence.activity)) return ['away', 'away'];
  if (presence.activity === 'on-the-phone') return ['taken', 'talking'];
  if (TAKEN.has(presence.activity)) return ['taken', 'busyActivity'];
  return ['free', 'online'];
}

/** The name others see. */
export const nameOf = (contact: Contact): string => contact.displayName ?? contact.username ?? '?';

/** Contacts whose name fits, without oneself, those who are there first. */
export function found(phone: Phone, sought: string): Contact[] {
  const wanted = sought.trim().toLowerCase();
  const fits = (contact: Contact): boolean =>
    [contact.displayName, contact.username, contact.alias].some(name => name?.toLowerCase().includes(wanted));
  return phone.contacts
    .filter(contact => contact.id !== phone.userId && contact.username !== null && (wanted === '' || fits(contact)))
    .sort(
      (one, other) =>
        Number(other.presence.online) - Number(one.presence.online) || nameOf(one).localeCompare(nameOf(other)),
    );
}

/** The people of the domain, each to be called. */
export function People({ phone, say, sought }: { phone: Phone; say: Say; sought: string }): JSX.Element {
  const people = found(phone, sought);
  if (people.length === 0) {
    const why = phone.isGuest ? 'noContactsOfGuest' : 'noContacts';
    return <p class="empty">{say(sought.trim() === '' ? why : 'noContactsFound')}</p>;
  }
  return (
    <ul class="list" aria-label={say('people')}>
      {people.map(contact => {
        const [colour, word] = presenceOf(contact);
        const name = nameOf(contact);
        return (
          <li key={contact.id} class="row">
            <Avatar name={name} presence={colour} />
            <span class="who">
              <span class="name">{name}</span>
              <span class="detail">{contact.presence.note ?? say(word)}</span>
            </span>
            <IconButton
              icon="phone"
              name={`${say('audioCall')}: ${name}`}
              onClick={() => void phone.call(contact.uri, false)}
            />
            <IconButton
              icon="camera"
              name={`${say('videoCall')}: ${name}`}
              onClick={() => void phone.call(contact.uri, true)}
            />
          </li>
        );
      })}
    </ul>
  );
}
