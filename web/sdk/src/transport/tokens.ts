import { Emitter } from '../emitter.js';
import { LoginError, SessionEndedError, WacError } from '../errors.js';
import type { OAuth, TokenSet } from './oauth.js';

/** Where an application gets its tokens from when it does not leave that to the SDK. */
export type GetToken = () => Promise<string | TokenSet>;

/** A token that ends sooner than this is renewed before it is used, in milliseconds. */
const RENEW_BEFORE_USE_MS = 30_000;
/** The part of a token's life after which it is renewed although nobody needs it just now. */
const RENEW_AFTER_PART = 0.8;
/** Longest time a timer can wait, in milliseconds. */
const TIMER_MAX_MS = 2_147_483_647;
/** Pause after a renewal that did not reach the server, in milliseconds. */
const RENEW_RETRY_MS = 30_000;

interface TokenEvents {
  changed: TokenSet;
  /** The session cannot be kept: its tokens do not work any more. */
  ended: SessionEndedError;
}

/** The session's tokens: kept fresh, renewed once at a time. */
export class Tokens extends Emitter<TokenEvents> {
  readonly #oauth: OAuth;
  readonly #getToken: GetToken | undefined;
  #tokens: TokenSet | undefined;
  #renewing: Promise<string> | undefined;
  #checking: Promise<void> | undefined;
  /** A renewal's answer was lost: the refresh token may be used up. */
  #doubtful = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;

  constructor(oauth: OAuth, tokens: TokenSet | undefined, getToken: GetToken | undefined) {
    super();
    this.#oauth = oauth;
    this.#tokens = tokens;
    this.#getToken = getToken;
  }

  /** The pair in use. */
  get set(): TokenSet | undefined {
    return this.#tokens;
  }

  /** Renews in time from now on. */
  start(): void {
    this.#running = true;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** An access token that works for a while. */
  async current(): Promise<string> {
    const tokens = this.#tokens;
    const fresh = tokens && (tokens.expiresAt ?? Number.POSITIVE_INFINITY) - Date.now() > RENEW_BEFORE_USE_MS;
    if (fresh) return tokens.accessToken;
    if (tokens && !this.#canRenew(tokens)) return tokens.accessToken;
    return this.renew();
  }

  /** Obtains a new access token; callers at the same time get the same one. */
  renew(): Promise<string> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** A socket was refused, and browsers do not tell why: finds out whether it was the token, and renews it if so. */
  check(): Promise<void> {
    this.#checking ??= this.#checkOnce().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #checkOnce(): Promise<void> {
    const tokens = this.#tokens;
    if (!tokens || (await this.#oauth.accepts(tokens.accessToken))) return;
    if (tokens !== this.#tokens) return;
    if (!this.#canRenew(tokens)) throw this.#end('The token does not work any more', 'token_ended');
    const renewed = await this.renew();
    if (renewed === tokens.accessToken) throw this.#end('The token does not work any more', 'token_ended');
  }

  #canRenew(tokens: TokenSet): boolean {
    return this.#getToken !== undefined || tokens.refreshToken !== undefined;
  }

  async #renewOnce(): Promise<string> {
    const tokens = await this.#obtain();
    this.#tokens = tokens;
    this.#schedule();
    this.emit('changed', tokens);
    return tokens.accessToken;
  }

  async #obtain(): Promise<TokenSet> {
    if (this.#getToken) {
      const given = await this.#getToken();
      return typeof given === 'string' ? { accessToken: given } : given;
    }
    const refreshToken = this.#tokens?.refreshToken;
    if (refreshToken === undefined) throw this.#end('There is no token', 'no_token');
    if (this.#doubtful && !(await this.#oauth.isActive(refreshToken))) {
      throw this.#end('The answer to a renewal was lost', 'renewal_lost');
    }
    try {
      this.#doubtful = true;
      const tokens = await this.#oauth.refresh(refreshToken);
      this.#doubtful = false;
      return { refreshToken, ...tokens };
    } catch (error) {
      if (!(error instanceof LoginError)) throw error;
      this.#doubtful = false;
      if (error.retryable) throw error;
      throw this.#end(error.message, error.code);
    }
  }

  #end(message: string, code: string): SessionEndedError {
    const error = new SessionEndedError(message, { code });
    this.stop();
    this.emit('ended', error);
    return error;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const tokens = this.#tokens;
    if (!this.#running || tokens?.expiresAt === undefined || !this.#canRenew(tokens)) return;
    const left = tokens.expiresAt - Date.now();
    this.#renewIn(Math.max(left * RENEW_AFTER_PART, 1_000));
  }

  #renewIn(delayMs: number): void {
    this.#timer = setTimeout(
      () => {
        this.renew().catch((error: unknown) => {
          // Refused for good is told by `ended`; anything else is tried again.
          const ended = error instanceof SessionEndedError;
          if (this.#running && !ended) this.#renewIn(waitOf(error));
        });
      },
      Math.min(delayMs, TIMER_MAX_MS),
    );
  }
}

function waitOf(error: unknown): number {
  return (error instanceof WacError ? error.retryAfterMs : undefined) ?? RENEW_RETRY_MS;
}
