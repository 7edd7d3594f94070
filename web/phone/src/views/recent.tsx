import type { Session } from '@wac/sdk';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Phone } from '../phone.js';
import type { Language, Say, WordKey } from '../words.js';
import { IconButton } from './button.js';
import { Avatar, Icon } from './icons.js';
import { Story } from './story.js';

type Entry = Awaited<ReturnType<Session['conferences']['log']['list']>>[number];

/** What is shown of a call of the past. */
export interface Shown {
  /** `wac-user:<id>` of the others. */
  others: string[];
  isOutgoing: boolean;
  isMissed: boolean;
  /** In seconds; 0: nobody talked. */
  seconds: number;
  outcome: WordKey | undefined;
}

const OUTCOMES: Readonly<Record<number, WordKey>> = {
  404: 'unavailable',
  408: 'noAnswer',
  480: 'unavailable',
  486: 'busy',
  487: 'cancelled',
  603: 'declined',
};

/** Reads an entry of the log as somebody would tell it who was in it. */
export function readEntry(entry: Entry, self: string): Shown {
  const me = `wac-user:${self}`;
  const [first] = entry.invites;
  const isOutgoing = first ? first.from === me : entry.owner === self;
  const named = [
    ...entry.participants.map(({ address }) => address),
    ...entry.invites.flatMap(({ from, to, candidates }) => [from, to, ...candidates.map(({ address }) => address)]),
  ];
  const others = [...new Set(named)].filter(address => address !== me && address.startsWith('wac-user:'));
  const talked =
    entry.participants.some(({ address }) => address === me) &&
    new Set(entry.participants.map(({ address }) => address)).size > 1;
  const end = entry.finishedAt ?? Date.now();
  return {
    others,
    isOutgoing,
    isMissed: !isOutgoing && !talked,
    seconds: talked ? Math.max(1, Math.round((end - entry.createdAt) / 1_000)) : 0,
    outcome: talked || first?.error === undefined || first.error === null ? undefined : OUTCOMES[first.error],
  };
}

/** `3:07`, `1:02:09`. */
export function clock(seconds: number): string {
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** When something was: the time today, else the day. */
function when(at: number, language: Language): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday
    ? date.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })
    : date.toLocaleDateString(language, { day: 'numeric', month: 'short' });
}

/** The calls of the past. */
export function Recent({ phone, say, language }: { phone: Phone; say: Say; language: Language }): JSX.Element {
  const [told, setTold] = useState<string | undefined>();
  const entries = phone.history?.filter(({ state }) => state === 'finished');
  if (!entries) return <p class="empty">{say('connecting')}</p>;
  if (entries.length === 0) return <p class="empty">{say('noHistory')}</p>;
  return (
    <ul class="list" aria-label={say('recent')}>
      {entries.map(entry => {
        const shown = readEntry(entry, phone.userId);
        const names = shown.others.map(other => phone.nameOf(other) ?? say('guest')).join(', ') || say('unknown');
        const outcome = shown.isMissed ? say('missed') : shown.outcome ? say(shown.outcome) : clock(shown.seconds);
        return (
          <li key={entry.id}>
            <div class={`row${shown.isMissed ? ' missed' : ''}`}>
              <Avatar name={names} />
              <span class="who">
                <span class="name">{names}</span>
                <span class="detail">
                  <Icon name={shown.isOutgoing ? 'outgoing' : 'incoming'} />
                  {shown.seconds === 0 && !shown.isMissed && !shown.outcome ? say('cancelled') : outcome}
                  {' · '}
                  <time dateTime={new Date(entry.createdAt).toISOString()}>{when(entry.createdAt, language)}</time>
                </span>
              </span>
              <IconButton
                icon="story"
                name={`${say('story')}: ${names}`}
                pressed={told === entry.id}
                onClick={() => setTold(told === entry.id ? undefined : entry.id)}
              />
              {shown.others[0] && (
                <IconButton
                  icon="phone"
                  name={`${say('audioCall')}: ${names}`}
                  onClick={() => void phone.call(shown.others[0] ?? '', false)}
                />
              )}
            </div>
            {told === entry.id && <Story {...{ phone, say, language }} id={entry.id} />}
          </li>
        );
      })}
    </ul>
  );
}
