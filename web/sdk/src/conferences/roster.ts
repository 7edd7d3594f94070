import type { Media, RoomParticipant } from '../wire.js';

/** One person in a conference. */
export interface Participant {
  readonly userId: string;
  /** Whether it is this session's own user. */
  readonly isLocal: boolean;
  readonly isOwner: boolean;
  readonly isHeld: boolean;
  readonly isMuted: { readonly audio: boolean; readonly video: boolean };
  /** `false` while the person's media is missing; `undefined` where no media node runs. */
  readonly isConnected: boolean | undefined;
}

/** What has changed in a roster. */
export type RosterChange =
  | { what: 'joined'; participant: Participant }
  | { what: 'left'; participant: Participant }
  | { what: 'held'; participant: Participant }
  | { what: 'unheld'; participant: Participant }
  | { what: 'muted'; participant: Participant; media: Media; muted: boolean };

/** Who is in a room, and how. Every method says what it has changed; saying the same twice changes nothing. */
export class Roster {
  readonly #self: string;
  readonly #people = new Map<string, Participant>();

  constructor(self: string) {
    this.#self = self;
  }

  get people(): ReadonlyMap<string, Participant> {
    return this.#people;
  }

  /** The user ids of the room, as the room object lists them. */
  seat(userIds: readonly string[], owner: string | null): RosterChange[] {
    const changes = [...userIds].flatMap(userId => this.join(userId));
    this.own(owner);
    return changes;
  }

  /** The whole state, as `listParticipants` answers it. */
  replace(list: readonly RoomParticipant[]): RosterChange[] {
    const present = new Set(list.map(({ userId }) => userId));
    const gone = [...this.#people.keys()].filter(userId => !present.has(userId));
    return [...gone.flatMap(userId => this.leave(userId)), ...list.flatMap(entry => this.#set(entry))];
  }

  join(userId: string): RosterChange[] {
    if (this.#people.has(userId)) return [];
    const isMuted = { audio: false, video: false };
    const isLocal = userId === this.#self;
    const participant = { userId, isLocal, isOwner: false, isHeld: false, isMuted, isConnected: undefined };
    this.#people.set(userId, participant);
    return [{ what: 'joined', participant }];
  }

  leave(userId: string): RosterChange[] {
    const participant = this.#people.get(userId);
    if (!participant) return [];
    this.#people.delete(userId);
    return [{ what: 'left', participant }];
  }

  hold(userId: string, isHeld: boolean): RosterChange[] {
    const participant = this.#people.get(userId);
    if (!participant || participant.isHeld === isHeld) return [];
    return [{ what: isHeld ? 'held' : 'unheld', participant: this.#change(participant, { isHeld }) }];
  }

  mute(userId: string, media: Media, muted: boolean): RosterChange[] {
    const participant = this.#people.get(userId);
    if (!participant || participant.isMuted[media] === muted) return [];
    const changed = this.#change(participant, { isMuted: { ...participant.isMuted, [media]: muted } });
    return [{ what: 'muted', participant: changed, media, muted }];
  }

  /** Who owns the room. */
  own(owner: string | null): void {
    for (const participant of [...this.#people.values()]) {
      const isOwner = participant.userId === owner;
      if (isOwner !== participant.isOwner) this.#change(participant, { isOwner });
    }
  }

  #set(entry: RoomParticipant): RosterChange[] {
    const changes = this.join(entry.userId);
    const participant = this.#people.get(entry.userId);
    if (participant) this.#change(participant, { isOwner: entry.owner, isConnected: connectionOf(entry) });
    return [
      ...changes,
      ...this.hold(entry.userId, entry.held),
      ...this.mute(entry.userId, 'audio', entry.muted.audio),
      ...this.mute(entry.userId, 'video', entry.muted.video),
    ];
  }

  #change(participant: Participant, change: Partial<Participant>): Participant {
    const changed = { ...participant, ...change };
    this.#people.set(participant.userId, changed);
    return changed;
  }
}

/** Whether somebody's media is there; servers without a media node do not say. */
function connectionOf(entry: RoomParticipant): boolean | undefined {
  return 'connected' in entry && typeof entry.connected === 'boolean' ? entry.connected : undefined;
}
