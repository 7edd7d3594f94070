import { MediaError } from '../errors.js';

/** A message between participants, past the server's log. */
export interface MediaMessage {
  /** User id of who has sent it; the node says so, not the sender. */
  from: string;
  /** What he has sent: anything that JSON can say. */
  data: unknown;
}

/** How a message goes. */
export interface MessageOptions {
  /** Only to this user; left out: to everybody who takes messages. */
  to?: string;
  /** Not again when it is lost, and not after the others: for what is soon out of date. */
  lossy?: boolean;
}

/** Why a message was not sent on. */
export type MessageRefusal = 'malformed' | 'too_long' | 'too_many' | 'undelivered';

/** What is told of messages. */
export interface MessageHandlers {
  message(message: MediaMessage): void;
  refused(reason: MessageRefusal): void;
}

/** The two channels for messages of a media session. */
export class Messages {
  readonly #inOrder: RTCDataChannel;
  readonly #lossy: RTCDataChannel;

  constructor(peer: RTCPeerConnection, on: MessageHandlers) {
    this.#inOrder = peer.createDataChannel('wac');
    this.#lossy = peer.createDataChannel('wac-lossy', { ordered: false, maxRetransmits: 0 });
    for (const channel of [this.#inOrder, this.#lossy]) {
      channel.onmessage = ({ data }: MessageEvent) => {
        const said = JSON.parse(String(data)) as MediaMessage | { error: MessageRefusal };
        if ('error' in said) on.refused(said.error);
        else on.message(said);
      };
    }
  }

  /** Sends one, as soon as the channel is open. */
  async send(data: unknown, { to, lossy = false }: MessageOptions): Promise<void> {
    const channel = lossy ? this.#lossy : this.#inOrder;
    if (channel.readyState === 'connecting') {
      await new Promise(resolve => {
        for (const event of ['open', 'close', 'error']) channel.addEventListener(event, resolve, { once: true });
      });
    }
    if (channel.readyState !== 'open')
      throw new MediaError('Messages cannot be sent now', { code: 'no_messages', retryable: true });
    channel.send(JSON.stringify(to === undefined ? { data } : { to, data }));
  }
}
