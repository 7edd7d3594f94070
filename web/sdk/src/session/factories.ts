import type { TokenSet } from '../transport/oauth.js';
import type { GetToken } from '../transport/tokens.js';
import type { Login, SessionConfig } from './config.js';
import { Session } from './session.js';
import type { SessionSnapshot } from './snapshot.js';
import { assemble, oauthOf } from './wiring.js';

/**
 * Logs in and connects.
 *
 * @param options - Where, and how to log in: `username` and `password`, or a `token`, or `getToken`.
 * @returns The session, connected unless `autoConnect` is `false`.
 * @throws LoginError when name or password are wrong; ConnectionLostError when no server can be reached.
 *
 * @example
 * ```ts
 * const session = await createSession({
 *   servers: 'https://wac.example.org',
 *   username: 'alice@demo',
 *   password: 'correct horse',
 * });
 * ```
 */
export async function createSession(options: SessionConfig & Login): Promise<Session> {
  if ('getToken' in options) return open(options, { getToken: options.getToken });
  if ('token' in options) return open(options, { tokens: tokensOf(options.token, options) });
  const { username, password } = options;
  const tokens = await oauthOf(options).open({ grant_type: 'password', username, password });
  return open(options, { tokens });
}

/**
 * Logs in as a guest of a domain that takes guests, and connects.
 *
 * @param domain - The domain's name.
 *
 * @example
 * ```ts
 * const session = await createAnonymousSession('demo', { servers: 'https://wac.example.org' });
 * ```
 */
export async function createAnonymousSession(domain: string, config: SessionConfig): Promise<Session> {
  const parameters = { grant_type: 'anonymous', username: `@${domain.replace(/^@/, '')}` };
  return open(config, { tokens: await oauthOf(config).open(parameters) });
}

/**
 * Takes a session up again: after a page reload, or in another process. Notices of the meantime are delivered, and
 * conferences whose seat this device still has are there.
 *
 * @param saved - What `session.snapshot()` gave, or only an access token.
 *
 * @example
 * ```ts
 * const saved = savedSession(sessionStorage);
 * if (saved) session = await recoverSession(saved, { servers, storage: sessionStorage });
 * ```
 */
export async function recoverSession(saved: string | SessionSnapshot, config: SessionConfig): Promise<Session> {
  if (typeof saved === 'string') return open(config, { tokens: { accessToken: saved } });
  return open(config, { tokens: saved.tokens, snapshot: saved });
}

function tokensOf(accessToken: string, { refreshToken, expiresAt }: Omit<TokenSet, 'accessToken'>): TokenSet {
  return {
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

async function open(
  config: SessionConfig,
  known: { tokens?: TokenSet; getToken?: GetToken; snapshot?: SessionSnapshot },
): Promise<Session> {
  const session = new Session(assemble(config, oauthOf(config), known), config, known.snapshot);
  if (config.autoConnect !== false) await session.connect();
  return session;
}
