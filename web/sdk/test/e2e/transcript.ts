import type { Conference, Session } from '../../src/index.js';

/** What is said in the course of a story, by whom, and when. */
export class Transcript {
  readonly #started = performance.now();
  readonly #lines: string[] = [];
  readonly #names = new Map<string, string>();

  /** Notes that somebody does something, or hears of something. */
  say(who: string, what: string): void {
    const seconds = ((performance.now() - this.#started) / 1_000).toFixed(2).padStart(6);
    this.#lines.push(`${seconds}  ${who.padEnd(6)} ${what}`);
  }

  /** Notes what becomes of somebody's session from now on. */
  follow(name: string, session: Session, nodes: () => string): void {
    this.#names.set(session.userId ?? '', name);
    session.on('status', status => this.say(name, `is ${status}${status === 'CONNECTED' ? nodes() : ''}`));
    session.conferences.on('conferenceInvitation', ({ from }) => this.say(name, `rings: ${this.#name(from)} calls`));
  }

  /** Notes what somebody hears of a conference from now on. */
  hear(name: string, conference: Conference): void {
    const hears = (what: string): void => this.say(name, `hears: ${what}`);
    conference.on('participantJoined', ({ userId }) => hears(`${this.#name(userId)} is in the room`));
    conference.on('participantLeft', ({ participant, reason }) => {
      hears(`${this.#name(participant.userId)} is gone (${reason})`);
    });
    conference.on('participantHeld', ({ userId }) => hears(`${this.#name(userId)} has put the call on hold`));
    conference.on('participantUnheld', ({ userId }) => hears(`${this.#name(userId)} is back`));
    conference.on('participantMuted', ({ participant, media, muted }) => {
      hears(`${this.#name(participant.userId)} has ${muted ? 'muted' : 'unmuted'} ${media}`);
    });
    conference.on('ended', ({ reason }) => hears(`it is over (${reason})`));
  }

  /** How often something was said. */
  count(line: string): number {
    return this.#lines.filter(said => said.endsWith(`  ${line}`)).length;
  }

  toString(): string {
    return this.#lines.join('\n');
  }

  #name(address: string): string {
    return this.#names.get(address.replace('wac-user:', '')) ?? address;
  }
}
