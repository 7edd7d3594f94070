import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from './socket.js';

/** People who can log in, by name; the user id is `u-<name>`, the password `pw-<name>`. */
const PEOPLE = ['alice', 'bob', 'carol'];

interface Grant extends Caller {
  refresh: string;
  usedRefresh: Set<string>;
  access: Set<string>;
}

/** The token endpoints: sessions, rotation, revocation. */
export class FakeTokens {
  readonly #grants = new Map<string, Grant>();
  /** Every request to a token endpoint: `<endpoint> <grant type or token>`. */
  readonly calls: string[] = [];
  /** Seconds an access token is said to live. */
  expiresIn = 3_600;
  /** When set, the next answer is lost after the server has done what was asked. */
  loseNextAnswer = false;
  #serial = 0;

  /** Who holds an access token that works. */
  caller(accessToken: string): Caller | undefined {
    return [...this.#grants.values()].find(grant => grant.access.has(accessToken));
  }

  /** Opens a session without the endpoint. */
  open(name: string): { token: string; refreshToken: string } {
    const { access_token: token, refresh_token: refreshToken } = this.#open(`u-${name}`);
    return { token, refreshToken };
  }

  /** Makes all access tokens of a session useless; the refresh token still works. */
  expire(sessionId: string): void {
    this.#grants.get(sessionId)?.access.clear();
  }

  /** Ends a session. */
  end(sessionId: string): void {
    this.#grants.delete(sessionId);
  }

  /** Handles `/sapi/…`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const endpoint = request.url?.split('/').at(-1)?.split('?')[0] ?? '';
    const form = Object.fromEntries(new URLSearchParams(text));
    this.calls.push(`${endpoint} ${form['grant_type'] ?? ''}`.trim());
    const [status, body] = this.#answer(endpoint, form, request.headers.authorization);
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false;
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }

  #answer(endpoint: string, form: Record<string, string>, authorization: string | undefined): [number, unknown] {
    switch (endpoint) {
      case 'token':
        return this.#token(form);
      case 'introspect':
        return [200, { active: this.#byToken(form['token']) !== undefined }];
      case 'revoke': {
        const grant = this.#byToken(form['token']);
        if (grant) this.#grants.delete(grant.sessionId);
        return [200, {}];
      }
      default:
        return this.caller(authorization?.replace('Bearer ', '') ?? '') ? [200, []] : [401, {}];
    }
  }

  #token(form: Record<string, string>): [number, unknown] {
    if (form['grant_type'] === 'refresh_token') return this.#refresh(form['refresh_token'] ?? '');
    if (form['grant_type'] === 'anonymous') return [200, this.#open('u-guest')];
    const name = form['username']?.split('@')[0] ?? '';
    const right = PEOPLE.includes(name) && form['password'] === `pw-${name}`;
    if (!right) return [400, { error: 'invalid_grant', error_description: 'The username or the password is wrong.' }];
    return [200, this.#open(`u-${name}`)];
  }

  #refresh(refreshToken: string): [number, unknown] {
    for (const grant of this.#grants.values()) {
      if (grant.usedRefresh.has(refreshToken)) this.#grants.delete(grant.sessionId);
      if (grant.refresh !== refreshToken) continue;
      grant.usedRefresh.add(refreshToken);
      return [200, this.#renew(grant)];
    }
    return [400, { error: 'invalid_grant', error_description: 'The refresh token is unknown.' }];
  }

  #open(userId: string) {
    this.#serial += 1;
    const sessionId = `s-${this.#serial}`;
    const grant: Grant = { userId, sessionId, refresh: '', usedRefresh: new Set(), access: new Set() };
    this.#grants.set(sessionId, grant);
    return this.#renew(grant);
  }

  #renew(grant: Grant) {
    this.#serial += 1;
    grant.refresh = `wac_rt_${this.#serial}`;
    grant.access.add(`wac_at_${this.#serial}`);
    return {
      access_token: `wac_at_${this.#serial}`,
      refresh_token: grant.refresh,
      expires_in: this.expiresIn,
      token_type: 'Bearer',
    };
  }

  #byToken(token: string | undefined): Grant | undefined {
    return [...this.#grants.values()].find(grant => grant.refresh === token || grant.access.has(token ?? ''));
  }
}
