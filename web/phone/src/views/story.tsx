import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Phone } from '../phone.js';
import type { Language, Say } from '../words.js';

/** A step of a call, as far as it is shown. */
export interface Step {
  /** In milliseconds since the epoch. */
  at: number;
  by: string | null;
  node: string | null;
  /** What was refused; `null`: it happened. */
  refused: object | null;
  text: string;
}

const TO_THE_SECOND = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;

/** An address within a sentence. */
const ADDRESS = /wac-user:([0-9A-Za-z-]+)/g;

/** A sentence with the names of people in the place of their addresses. */
export function named(text: string, nameOf: (address: string) => string | undefined): string {
  return text.replace(ADDRESS, (address, id: string) => nameOf(id) ?? address);
}

/** Who did it, unless the sentence says so itself or nobody did. */
export function doer({ by, text }: Pick<Step, 'by' | 'text'>): string | undefined {
  return by?.startsWith('wac-user:') && !text.includes(by) ? by : undefined;
}

/** What has happened in a call: who did what, when, and on which node. */
export function Story(props: { phone: Phone; say: Say; language: Language; id: string }): JSX.Element {
  const { phone, say, language, id } = props;
  const [steps, setSteps] = useState<readonly Step[] | 'failed' | undefined>();
  useEffect(() => {
    const path = `/conferences/${encodeURIComponent(id)}/timeline`;
    phone.session?.raw.wapi<Step[]>('GET', path).then(setSteps, () => setSteps('failed'));
  }, [phone, id]);
  if (steps === 'failed') return <p class="detail">{say('noStory')}</p>;
  if (!steps) return <p class="detail">{say('connecting')}</p>;
  const nameOf = (address: string): string | undefined => phone.nameOf(address);
  return (
    <ol class="story" lang="en">
      {steps.map((step, index) => {
        const who = doer(step);
        return (
          <li key={String(index)} class={step.refused ? 'refused' : undefined}>
            <time dateTime={new Date(step.at).toISOString()}>
              {new Date(step.at).toLocaleTimeString(language, TO_THE_SECOND)}
            </time>
            <span>
              {who && <strong>{named(who, nameOf)}: </strong>}
              {named(step.text, nameOf)}
              {step.node && <span class="node"> · {step.node}</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
