import { ConnectionLostError, LoginError, ServerError, type WacError } from '../errors.js';
import type { Servers } from './servers.js';

/** What the SDK uses of an answer to `fetch`. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: Pick<Headers, 'get'>;
  /** The body. */
  json(): Promise<unknown>;
}

/** The part of `fetch` that the SDK uses. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal: AbortSignal },
) => Promise<FetchResponse>;

/** A pair of tokens. */
export interface TokenSet {
  accessToken: string;
  /** Obtains the next pair, once. */
  refreshToken?: string;
  /** When the access token ends, in milliseconds since the epoch. */
  expiresAt?: number;
}

/** The token endpoints, `/sapi/o/…`. */
export class OAuth {
  readonly #servers: Servers;
  readonly #fetch: Fetch;
  readonly #client: Record<string, string>;
  readonly #timeoutMs: number;

  constructor(servers: Servers, fetch: Fetch, clientId: string | undefined, timeoutMs: number) {
    this.#servers = servers;
    this.#fetch = fetch;
    this.#client = clientId === undefined ? {} : { client_id: clientId };
    this.#timeoutMs = timeoutMs;
  }

  /** Opens a session by the grant that the parameters name. Throws {@link LoginError} when refused. */
  async open(parameters: Record<string, string>): Promise<TokenSet> {
    const asked = Date.now();
    return tokensOf(await this.#tryAll(base => this.#post(base, 'token', parameters)), asked);
  }

  /**
   * Obtains the next pair. Asks one server only, and once: a refresh token that is used twice ends
   * its session, so when the answer is lost, {@link isActive} must tell whether it was used.
   */
  async refresh(refreshToken: string): Promise<TokenSet> {
    const asked = Date.now();
    const parameters = { grant_type: 'refresh_token', refresh_token: refreshToken };
    try {
      return tokensOf(await this.#post(this.#servers.current, 'token', parameters), asked);
    } catch (error) {
      if (!(error instanceof LoginError)) this.#servers.advance();
      throw error;
    }
  }

  /** Whether a token of this client works now. */
  async isActive(token: string): Promise<boolean> {
    const answer = await this.#tryAll(base => this.#post(base, 'introspect', { token }));
    return (answer as { active?: boolean }).active === true;
  }

  /** Whether the interfaces take an access token, whichever client it was issued to. */
  async accepts(accessToken: string): Promise<boolean> {
    return this.#tryAll(async base => {
      const headers = { Authorization: `Bearer ${accessToken}`, Accept: 'application/json' };
      const response = await this.#send(`${base}/domains?limit=1`, 'GET', headers);
      if (response.status >= 500) throw unavailable(response, undefined);
      return response.status !== 401;
    });
  }

  /** Ends a token's session. */
  async revoke(token: string): Promise<void> {
    await this.#tryAll(base => this.#post(base, 'revoke', { token }));
  }

  /** Asks each server in turn, from the current one on, until one says yes or no. */
  async #tryAll<T>(ask: (base: string) => Promise<T>): Promise<T> {
    let last: unknown;
    for (let attempt = 0; attempt < this.#servers.count; attempt += 1) {
      try {
        return await ask(this.#servers.current);
      } catch (error) {
        if (error instanceof LoginError) throw error;
        last = error;
        this.#servers.advance();
      }
    }
    throw last;
  }

  async #post(base: string, endpoint: string, parameters: Record<string, string>): Promise<unknown> {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' };
    const form = new URLSearchParams({ ...parameters, ...this.#client }).toString();
    const response = await this.#send(`${base}/o/${endpoint}`, 'POST', headers, form);
    const body = await response.json().catch(() => undefined);
    if (response.status === 200) return body;
    throw unavailable(response, body);
  }

  async #send(url: string, method: string, headers: Record<string, string>, body?: string): Promise<FetchResponse> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#fetch(
        url,
        body === undefined ? { method, headers, signal } : { method, headers, body, signal },
      );
    } catch (cause) {
      throw new ConnectionLostError('The server cannot be reached', { code: 'unreachable', retryable: true, cause });
    }
  }
}

function tokensOf(body: unknown, asked: number): TokenSet {
  const answer = body as { access_token?: string; refresh_token?: string; expires_in?: number } | undefined;
  if (typeof answer?.access_token !== 'string') {
    throw new ServerError('The token endpoint answered without a token', { code: 'no_token' });
  }
  const tokens: TokenSet = { accessToken: answer.access_token };
  if (answer.refresh_token !== undefined) tokens.refreshToken = answer.refresh_token;
  if (answer.expires_in !== undefined) tokens.expiresAt = asked + answer.expires_in * 1_000;
  return tokens;
}

/** A refusal of the token endpoint, or what a server says that cannot just now. */
function unavailable(response: FetchResponse, body: unknown): WacError {
  const said = (body ?? {}) as { error?: string; error_description?: string };
  const message = said.error_description ?? `The token endpoint answered ${response.status}`;
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const details = {
    code: said.error ?? String(response.status),
    status: response.status,
    retryable: response.status === 429 || response.status >= 500,
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
  };
  return response.status >= 500 ? new ServerError(message, details) : new LoginError(message, details);
}
