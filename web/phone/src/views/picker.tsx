import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Phone } from '../phone.js';
import type { Say } from '../words.js';
import { IconButton } from './button.js';
import { Avatar } from './icons.js';
import { found, nameOf, presenceOf } from './people.js';

/** A choice beside the people: something to be done at once. */
export interface Shortcut {
  name: string;
  choose: () => void;
}

/** Chooses somebody: out of the contacts, or any address. */
export function Picker(props: {
  phone: Phone;
  say: Say;
  title: string;
  action: string;
  without: readonly string[];
  shortcuts?: readonly Shortcut[];
  choose: (address: string) => void;
  close: () => void;
}): JSX.Element {
  const { phone, say, title, action, without, shortcuts = [], choose, close } = props;
  const [sought, setSought] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    field.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const people = found(phone, sought).filter(({ id }) => !without.includes(id));
  const pick = (address: string): void => {
    close();
    choose(address);
  };
  return (
    <div class="picker" role="dialog" aria-modal="false" aria-label={title}>
      <div class="head">
        <h2>{title}</h2>
        <IconButton icon="close" name={say('close')} onClick={close} />
      </div>
      {shortcuts.map(({ name, choose: now }) => (
        <button
          key={name}
          type="button"
          class="primary wide"
          onClick={() => {
            close();
            now();
          }}
        >
          {name}
        </button>
      ))}
      <form
        onSubmit={event => {
          event.preventDefault();
          if (sought.trim() !== '') pick(sought.trim());
        }}
      >
        <input
          ref={field}
          value={sought}
          aria-label={say('nameOrAddress')}
          placeholder={say('nameOrAddress')}
          autocapitalize="none"
          onInput={event => setSought(event.currentTarget.value)}
        />
        <button type="submit" disabled={sought.trim() === ''}>
          {action}
        </button>
      </form>
      {people.length === 0 && <p class="detail">{say('noOneElse')}</p>}
      <ul class="list">
        {people.map(contact => {
          const [colour, word] = presenceOf(contact);
          return (
            <li key={contact.id}>
              <button type="button" class="row" onClick={() => pick(contact.uri)}>
                <Avatar name={nameOf(contact)} presence={colour} />
                <span class="who">
                  <span class="name">{nameOf(contact)}</span>
                  <span class="detail">{say(word)}</span>
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
