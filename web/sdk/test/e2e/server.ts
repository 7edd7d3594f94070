import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stop, tied, withoutSettings } from './process.js';

/** How long a first start may take on a busy machine, in milliseconds. */
const START_TIMEOUT_MS = 60_000;
/** The last line of the print-out. */
const LAST_LINE = 'wac replay --verify';

/** `wac dev` with data of its own. */
export class RealServer {
  readonly url: string;
  /** UDP port of its media. */
  readonly mediaPort: number;
  /** Opens two phones in one page, once. */
  readonly pairUrl: string;
  readonly passwords: ReadonlyMap<string, string>;
  readonly #stop: () => Promise<void>;

  private constructor(printed: readonly string[], stop: () => Promise<void>) {
    this.#stop = stop;
    this.url = find(printed, /^\s*HTTP\s+(http:\S+)/);
    this.mediaPort = Number(find(printed, /^\s*media\s+UDP \S+:(\d+),/));
    this.pairUrl = find(printed, /^\s*(http:\S+\/phone\/pair#\S+)/);
    const accounts = printed.flatMap(line => {
      const match = /^\s+(\S+@\S+)\s+(\S+)$/.exec(line);
      return match?.[1] && match[2] ? [[match[1], match[2]] as const] : [];
    });
    this.passwords = new Map(accounts);
  }

  /** One that somebody else has started, and ends; what it has printed. */
  static running(printed: readonly string[]): RealServer {
    return new RealServer(printed, async () => {});
  }

  /** Starts it, with further options of `wac dev` and settings. */
  static async start(
    binary: string,
    options: readonly string[] = [],
    settings: NodeJS.ProcessEnv = {},
  ): Promise<RealServer> {
    const directory = mkdtempSync(join(tmpdir(), 'wac-sdk-'));
    const ports = ['--http-port', '0', '--https-port', '0', '--qss-port', '0'];
    const child = spawn(binary, ['dev', '--data', join(directory, 'data'), ...ports, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...withoutSettings(), ...settings, NO_COLOR: '1', RUST_LOG: 'warn' },
    });
    tied(child, directory);
    const printed: string[] = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
    for await (const line of createInterface({ input: child.stdout })) {
      printed.push(line);
      if (line.includes(LAST_LINE)) break;
    }
    clearTimeout(timer);
    if (!printed.at(-1)?.includes(LAST_LINE)) {
      rmSync(directory, { recursive: true, force: true });
      throw new Error(`${binary} ended early:\n${printed.join('\n')}`);
    }
    child.stdout.resume();
    return new RealServer(printed, async () => {
      await stop(child);
      rmSync(directory, { recursive: true, force: true });
    });
  }

  /** The password that was printed for `name@domain`. */
  password(account: string): string {
    const password = this.passwords.get(account);
    if (password === undefined) throw new Error(`no password was printed for ${account}`);
    return password;
  }

  /** Makes a person of the domain `demo` who can log in. */
  async addPerson(name: string, password: string): Promise<void> {
    const token = await this.#adminToken();
    const user = await this.#post('/sapi/users', token, { username: name, domain: 'demo', role: 'user' });
    await this.#post('/sapi/credentials', token, {
      source: 'wac',
      type: 'basic',
      context: {},
      domain: 'demo',
      user: user['id'],
      data: { password },
      lease: 0,
    });
  }

  /** Events of these types, oldest first. */
  async events(type: string): Promise<{ type: string; stream: string; data: Record<string, unknown> }[]> {
    const headers = { Authorization: `Bearer ${await this.#adminToken()}` };
    const response = await fetch(`${this.url}/sapi/events?type=${type}`, { headers });
    if (response.status !== 200) throw new Error(`GET /sapi/events: ${response.status} ${await response.text()}`);
    return (await response.json()) as { type: string; stream: string; data: Record<string, unknown> }[];
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** Tokens, as an application's own server would obtain them. */
  async grant(parameters: Record<string, string>): Promise<{ access_token: string; refresh_token: string }> {
    const response = await fetch(`${this.url}/sapi/o/token`, { method: 'POST', body: new URLSearchParams(parameters) });
    if (response.status !== 200) throw new Error(`no token: ${response.status} ${await response.text()}`);
    return (await response.json()) as { access_token: string; refresh_token: string };
  }

  async #adminToken(): Promise<string> {
    const login = { grant_type: 'password', username: 'admin@quobis', password: this.password('admin@quobis') };
    return (await this.grant(login)).access_token;
  }

  async #post(path: string, token: string, body: unknown): Promise<Record<string, unknown>> {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const response = await fetch(`${this.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (response.status !== 201) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  }
}

function find(lines: readonly string[], pattern: RegExp): string {
  const found = lines.map(line => pattern.exec(line)?.[1]).find(text => text !== undefined);
  if (found === undefined) throw new Error(`nothing like ${pattern} was printed:\n${lines.join('\n')}`);
  return found;
}
