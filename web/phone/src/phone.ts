import {
  type Conference,
  type ConferenceInvitation,
  ConnectionLostError,
  type Contact,
  createAnonymousSession,
  createSession,
  LoginError,
  recoverSession,
  type Session,
  type SessionConfig,
  savedSession,
  type TokenLogin,
  WacError,
  type wire,
} from '@wac/sdk';
import { Call, failureOf, type Told } from './call.js';
import { Changing } from './changes.js';
import { Ringer } from './ringer.js';
import type { WordKey } from './words.js';

type ConferenceLogEntry = Awaited<ReturnType<Session['conferences']['log']['list']>>[number];

/** Entries of the call history that are shown. */
const HISTORY_MAX = 50;
/** Contacts that are shown. */
const CONTACTS_MAX = 500;

/** What the server calls somebody without a name. */
const GUEST_NAME = /^anonymous-[0-9a-f]{32}$/;

/** How long something is told that needs no answer, in milliseconds. */
const SHOWN_MS = 6_000;

/** Where a phone is. */
export type Place = 'starting' | 'signed-out' | 'signed-in';

/** A telephone: somebody who is signed in, whom he knows, what rings, and the calls he is in. */
export class Phone extends Changing {
  readonly #key: string;
  readonly #ringer = new Ringer();
  #forget: ReturnType<typeof setTimeout> | undefined;
  place: Place = 'starting';
  session: Session | undefined;
  isGuest = false;
  contacts: readonly Contact[] = [];
  /** `undefined`: not read yet. */
  history: readonly ConferenceLogEntry[] | undefined;
  readonly incoming: ConferenceInvitation[] = [];
  readonly calls: Call[] = [];
  active: Call | undefined;
  told: Told | undefined;
  /** Whether the others are heard: two phones in one room howl. */
  isLoud = true;
  /** Which speaker they are heard from; `undefined`: the browser's choice. */
  speaker: string | undefined;

  /** @param key - Where this phone keeps its session, for a reload of the page. */
  constructor(key = 'wac.phone') {
    super();
    this.#key = key;
  }

  get userId(): string {
    return this.session?.userId ?? '';
  }

  /** This person among the contacts. */
  get self(): Contact | undefined {
    return this.contacts.find(({ id }) => id === this.userId);
  }

  /** Goes on with the session of before the page was loaded anew, if there is one. */
  async resume(): Promise<void> {
    const saved = savedSession(sessionStorage, this.#key);
    if (!saved) return this.#become('signed-out');
    try {
      const session = await recoverSession(saved, this.#config());
      const cameras = this.#withCamera();
      this.isGuest = sessionStorage.getItem(`${this.#key}.guest`) !== null;
      this.#enter(session);
      for (const call of this.calls) void call.start(cameras.includes(call.id));
    } catch (error) {
      // Another reload may reach the server.
      if (error instanceof ConnectionLostError) this.fail(error, 'unreachable');
      else sessionStorage.removeItem(this.#key);
      this.#become('signed-out');
    }
  }

  async signIn(username: string, password: string): Promise<void> {
    await this.#begin(() => createSession({ ...this.#config(), username, password }), false);
  }

  /** A guest of a domain that takes guests. */
  async enterAsGuest(domain: string): Promise<void> {
    await this.#begin(() => createAnonymousSession(domain, this.#config()), true);
  }

  async enterWithTokens(tokens: TokenLogin): Promise<void> {
    await this.#begin(() => createSession({ ...this.#config(), ...tokens }), false);
  }

  async signOut(): Promise<void> {
    await Promise.allSettled(this.calls.map(call => call.hangUp()));
    await this.session?.logout().catch(() => {});
  }

  /** Calls somebody; what is going on is put on hold. */
  async call(to: string, video: boolean): Promise<void> {
    const { session } = this;
    if (!session || to.trim() === '') return;
    this.tell(undefined);
    await this.#holdOthers(undefined);
    try {
      const mediatypes = { audio: true, video };
      const { conference, invitation } = await session.conferences.call(to.trim(), { mediatypes });
      const call = this.#callOf(conference);
      call.follow(invitation);
      this.activate(call);
      invitation.outcome().catch(error => this.#unanswered(call, error));
      await call.start(video);
    } catch (error) {
      this.fail(error, failureOf(error));
    }
  }

  async accept(invitation: ConferenceInvitation, video: boolean): Promise<void> {
    await this.#holdOthers(undefined);
    try {
      const call = this.#callOf(await invitation.accept());
      this.activate(call);
      await call.start(video);
    } catch (error) {
      this.fail(error, 'failed');
    }
  }

  async decline(invitation: ConferenceInvitation): Promise<void> {
    await invitation.decline().catch(error => this.fail(error, 'failed'));
  }

  /** Shows a call. */
  activate(call: Call | undefined): void {
    this.active = call;
    this.changed();
  }

  /** Goes on with a call that was on hold, and holds the others. */
  async switchTo(call: Call): Promise<void> {
    this.activate(call);
    await this.#holdOthers(call);
    if (call.isHeld) await call.toggleHold();
  }

  async setActivity(activity: wire.Activity): Promise<void> {
    await this.session?.presence.set({ activity }).catch(error => this.fail(error, 'failed'));
    this.changed();
  }

  async readHistory(): Promise<void> {
    try {
      this.history = (await this.session?.conferences.log.list({ limit: HISTORY_MAX })) ?? [];
    } catch (error) {
      this.history ??= [];
      this.fail(error, 'failed');
    }
    this.changed();
  }

  /** The name that others see of somebody. */
  nameOf(userIdOrAddress: string): string | undefined {
    const id = userIdOrAddress.replace(/^wac-user:/, '');
    const contact = this.contacts.find(contact => contact.id === id || contact.username === id);
    if (contact) return contact.displayName ?? contact.username ?? undefined;
    const name = this.#strangers.get(id);
    return name !== undefined && GUEST_NAME.test(name) ? undefined : name;
  }

  /** Names of people who are not among the contacts, as their calls have brought them. */
  readonly #strangers = new Map<string, string>();

  tell(words: WordKey | undefined, detail?: string, isError = false): void {
    clearTimeout(this.#forget);
    this.told = words && { words, detail, isError };
    if (!isError && words) this.#forget = setTimeout(() => this.tell(undefined), SHOWN_MS);
    this.changed();
  }

  fail(error: unknown, words: WordKey): void {
    this.tell(words, error instanceof WacError ? error.message : undefined, true);
  }

  #config(): SessionConfig {
    return { servers: location.origin, storage: sessionStorage, storageKey: this.#key };
  }

  async #begin(open: () => Promise<Session>, isGuest: boolean): Promise<void> {
    this.tell(undefined);
    try {
      const session = await open();
      this.isGuest = isGuest;
      if (isGuest) sessionStorage.setItem(`${this.#key}.guest`, '1');
      this.#enter(session);
    } catch (error) {
      this.fail(error, error instanceof LoginError ? 'wrongLogin' : 'unreachable');
      this.#become('signed-out');
    }
  }

  #enter(session: Session): void {
    this.session = session;
    session.on('status', () => this.changed());
    session.on('ended', ({ error }) => this.#left(error));
    session.presence.on('presence', presence => {
      this.contacts = this.contacts.map(one => (one.id === presence.userId ? { ...one, presence } : one));
      this.changed();
    });
    const { conferences } = session;
    conferences.on('conferenceInvitation', invitation => this.#rung(invitation));
    conferences.on('conferenceStarted', conference => this.#callOf(conference));
    conferences.log.on('finished', () => void this.readHistory());
    for (const conference of conferences.conferences) this.#callOf(conference);
    for (const invitation of conferences.invitations) {
      if ('roomId' in invitation) this.#rung(invitation as ConferenceInvitation);
    }
    this.#become('signed-in');
    void this.#readContacts(session);
    void this.readHistory();
  }

  async #readContacts(session: Session): Promise<void> {
    const contacts: Contact[] = [];
    try {
      for await (const contact of session.contacts.all()) {
        contacts.push(contact);
        if (contacts.length >= CONTACTS_MAX) break;
      }
      await session.presence.subscribe('domain');
    } catch {
      // A guest may know nobody: he can still call by name.
    }
    const known = session.presence.known;
    this.contacts = contacts.map(one => ({ ...one, presence: known.get(one.id) ?? one.presence }));
    this.changed();
  }

  #callOf(conference: Conference): Call {
    const known = this.calls.find(({ id }) => id === conference.id);
    if (known) return known;
    const call = new Call(conference);
    this.calls.push(call);
    this.active ??= call;
    call.watch(() => {
      this.#remember();
      this.changed();
    });
    call.onMet = (id, name) => {
      if (!name.startsWith('wac-')) this.#strangers.set(id, name);
    };
    call.onMoved = (next, video) => {
      const there = this.#callOf(next);
      this.activate(there);
      if (there.media.status === 'IDLE') void there.start(video);
    };
    conference.on('ended', ({ reason }) => {
      this.calls.splice(this.calls.indexOf(call), 1);
      if (this.active === call) this.active = this.calls.at(-1);
      if ((reason === 'closed' || reason === 'left') && !this.told?.isError) this.tell('callEnded');
      if (reason === 'expelled') this.tell('expelled');
      if (reason === 'lost') this.tell('lost', undefined, true);
      this.#remember();
      this.changed();
    });
    this.changed();
    return call;
  }

  #rung(invitation: ConferenceInvitation): void {
    const { displayName, username, userId } = invitation.fromDetails;
    const name = displayName ?? username;
    if (name) this.#strangers.set(userId, name);
    this.incoming.push(invitation);
    this.#ringer.ring(true);
    this.changed();
    invitation.on('ended', ({ reason }) => {
      this.incoming.splice(this.incoming.indexOf(invitation), 1);
      this.#ringer.ring(this.incoming.length > 0);
      if (reason === 'accepted_elsewhere') this.tell('acceptedElsewhere');
      if (reason === 'cancelled' || reason === 'expired') this.tell('missedCall', name ?? undefined);
      this.changed();
    });
  }

  /** Nobody came, and nobody else is here: the call is over, and says why. */
  #unanswered(call: Call, error: unknown): void {
    if (call.hadCompany || call.ringing.some(({ failure }) => !failure)) return;
    const failure = failureOf(error);
    if (failure !== 'cancelled') this.tell(failure, this.nameOf(call.ringing[0]?.to ?? ''), true);
    void call.hangUp();
  }

  async #holdOthers(call: Call | undefined): Promise<void> {
    const others = this.calls.filter(other => other !== call && !other.isHeld);
    await Promise.allSettled(others.map(other => other.toggleHold()));
  }

  /** Which calls have a picture, for a reload of the page. */
  #remember(): void {
    const cameras = this.calls.filter(call => call.hasCamera).map(({ id }) => id);
    sessionStorage.setItem(`${this.#key}.cameras`, JSON.stringify(cameras));
  }

  #withCamera(): string[] {
    const text = sessionStorage.getItem(`${this.#key}.cameras`);
    return text === null ? [] : (JSON.parse(text) as string[]);
  }

  #left(error: WacError): void {
    for (const name of ['', '.guest', '.cameras']) sessionStorage.removeItem(this.#key + name);
    this.session = undefined;
    this.contacts = [];
    this.history = undefined;
    this.incoming.splice(0);
    this.#ringer.ring(false);
    this.calls.splice(0);
    this.active = undefined;
    if (error.code !== 'logout') this.tell('sessionOver', error.message, true);
    this.#become('signed-out');
  }

  #become(place: Place): void {
    this.place = place;
    this.changed();
  }
}
