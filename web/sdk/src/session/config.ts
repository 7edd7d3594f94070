import type { BackoffOptions } from '../transport/backoff.js';
import type { HeartbeatOptions } from '../transport/heartbeat.js';
import type { Logger } from '../transport/logger.js';
import type { Fetch, TokenSet } from '../transport/oauth.js';
import type { Paths } from '../transport/servers.js';
import type { WebSocketConstructor } from '../transport/socket.js';
import type { GetToken } from '../transport/tokens.js';
import type { SessionStorage } from './snapshot.js';

/** How a session reaches its servers, and how it behaves. Only `servers` is needed; Node before 22 needs `WebSocket` too. */
export interface SessionConfig {
  /** Base URL of the deployment, or of several of its nodes: `https://wac.example.org`. */
  servers: string | readonly string[];
  /** Which of several is tried first: any of them, so that clients spread over them (default), or the first of the list. */
  firstServer?: 'any' | 'first';
  /** Base URLs for signaling where that has a port of its own: `wss://wac.example.org:8118` (then with `paths: { qss: '/' }`). */
  signalingServers?: string | readonly string[];
  /** Where the interfaces are below a base URL. */
  paths?: Paths;
  /** A WebSocket class, where there is no global one: that of the package `ws`. */
  WebSocket?: WebSocketConstructor;
  /** Another `fetch`. */
  fetch?: Fetch;
  /** The OAuth2 client that the tokens belong to; left out: the deployment's own. */
  clientId?: string;
  /** Takes what the SDK has to say about itself. */
  logger?: Logger;
  /** How long a request may take, reconnecting included, in milliseconds (default 20,000). */
  requestTimeoutMs?: number;
  /** How long the first connection may take, in milliseconds (default 30,000). Later ones are tried until the session ends. */
  connectTimeoutMs?: number;
  /** How long one attempt may take, in milliseconds (default 10,000). */
  attemptTimeoutMs?: number;
  /** Pauses between attempts. */
  backoff?: BackoffOptions;
  /** How dead sockets are found. */
  heartbeat?: HeartbeatOptions;
  /** Keeps the session over a page reload: `sessionStorage`. It will hold the tokens. */
  storage?: SessionStorage;
  /** Under which key (default `wac.session`). */
  storageKey?: string;
  /** `false`: the session comes back unconnected, for `connect()`. */
  autoConnect?: boolean;
}

/** Logs in with name and password. */
export interface PasswordLogin {
  /** `name@domain`, or a bare name in the deployment's base domain. */
  username: string;
  password: string;
}

/** Uses tokens that the application has. */
export interface TokenLogin extends Omit<TokenSet, 'accessToken'> {
  /** The access token. */
  token: string;
}

/** Asks the application for a token whenever one is needed. */
export interface CallbackLogin {
  /** Called early enough before a token ends, if it says when that is; never twice at a time. */
  getToken: GetToken;
}

/** One of the ways to log in. */
export type Login = PasswordLogin | TokenLogin | CallbackLogin;
