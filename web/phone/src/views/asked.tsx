import type { JSX } from 'preact';
import type { Call } from '../call.js';
import type { Phone } from '../phone.js';
import type { Say } from '../words.js';

/** The other one of a call wants this person to talk to somebody else. */
export function Asked({ phone, call, say, to }: { phone: Phone; call: Call; say: Say; to: string }): JSX.Element {
  return (
    <div class="ask" role="alertdialog" aria-label={say('transfer')}>
      <p class="words">
        {say('transferAsked')} <strong>{phone.nameOf(to) ?? to}</strong>
      </p>
      <button type="button" class="primary" onClick={() => void call.answerTransfer(true)}>
        {say('agree')}
      </button>
      <button type="button" onClick={() => void call.answerTransfer(false)}>
        {say('decline')}
      </button>
    </div>
  );
}
