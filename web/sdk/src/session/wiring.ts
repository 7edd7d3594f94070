import { Channel, type ChannelOptions } from '../transport/channel.js';
import { silent } from '../transport/logger.js';
import { type Fetch, OAuth, type TokenSet } from '../transport/oauth.js';
import { Qss } from '../transport/qss.js';
import { Seen } from '../transport/seen.js';
import { addresses, Servers } from '../transport/servers.js';
import { webSocketConstructor } from '../transport/socket.js';
import { type GetToken, Tokens } from '../transport/tokens.js';
import { Wapi } from '../transport/wapi.js';
import type { SessionConfig } from './config.js';
import type { SessionSnapshot } from './snapshot.js';

/** How long a request may take if nothing is said, in milliseconds. */
const REQUEST_TIMEOUT_MS = 20_000;
/** How long one attempt to connect may take if nothing is said, in milliseconds. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** What is read to hear whether a WAPI socket lives. */
const WAPI_PROBE = '/presence';

/** The parts a session is made of. */
export interface Parts {
  oauth: OAuth;
  tokens: Tokens;
  qssChannel: Channel;
  wapiChannel: Channel;
  qss: Qss;
  wapi: Wapi;
}

/** The token endpoints of a deployment. */
export function oauthOf(config: SessionConfig): OAuth {
  const servers = new Servers(addresses(config.servers, config.paths?.sapi ?? '/sapi', false), () => placeOf(config));
  const fetch = config.fetch ?? ((url, init) => globalThis.fetch(url, init) as ReturnType<Fetch>);
  return new OAuth(servers, fetch, config.clientId, config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
}

/** Where in the list of servers to start, from 0 to 1. */
function placeOf({ firstServer }: SessionConfig): number {
  return firstServer === 'first' ? 0 : Math.random();
}

/** Makes them. */
export function assemble(
  config: SessionConfig,
  oauth: OAuth,
  known: { tokens?: TokenSet | undefined; getToken?: GetToken | undefined; snapshot?: SessionSnapshot | undefined },
): Parts {
  const timeoutMs = config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const tokens = new Tokens(oauth, known.tokens, known.getToken);
  const shared = {
    tokens,
    WebSocket: webSocketConstructor(config.WebSocket),
    logger: config.logger ?? silent,
    helloTimeoutMs: config.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS,
    ...(config.backoff ? { backoff: config.backoff } : {}),
    ...(config.heartbeat ? { heartbeat: config.heartbeat } : {}),
  } satisfies Partial<ChannelOptions>;
  // Both sockets of a session start at the same node.
  const start = placeOf(config);
  // A question whose answer nobody needs: that anything arrives is what counts.
  const unheeded = (question: Promise<unknown>): void => void question.catch(() => {});
  const qssChannel = new Channel({
    ...shared,
    protocol: 'jt',
    servers: new Servers(
      addresses(config.signalingServers ?? config.servers, config.paths?.qss ?? '/qss', true),
      () => start,
    ),
    position: known.snapshot?.qssPosition,
    ask: () => unheeded(qss.request('currentInvitations', {})),
  });
  const wapiChannel = new Channel({
    ...shared,
    protocol: 'wapi',
    servers: new Servers(addresses(config.servers, config.paths?.wapi ?? '/wapi', true), () => start),
    position: known.snapshot?.wapiPosition,
    ask: () => unheeded(wapi.get(WAPI_PROBE)),
  });
  const seen = new Seen();
  const qss = new Qss(qssChannel, timeoutMs, seen);
  const wapi = new Wapi(wapiChannel, timeoutMs, seen);
  return { oauth, tokens, qssChannel, wapiChannel, qss, wapi };
}
