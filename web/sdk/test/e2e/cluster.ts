import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { output, stop, tied, withoutSettings } from './process.js';

/** How long a start may take on a busy machine, in milliseconds. */
const START_TIMEOUT_MS = 60_000;
/** The deployment's key, for tests only. */
const MASTER_KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
/** The first administrator's password. */
const ADMIN_PASSWORD = 'only for this test';

/** A PostgreSQL server's URL, as its superuser; `undefined` where there is none. */
export const DATABASE_URL = process.env['WAC_TEST_DATABASE_URL'];

/** One process of `wac serve`. */
export class Node {
  readonly name: string;
  readonly url: string;
  readonly #process: ChildProcess;

  constructor(name: string, url: string, child: ChildProcess) {
    this.name = name;
    this.url = url;
    this.#process = child;
  }

  get port(): string {
    return new URL(this.url).port;
  }

  /** It dies without a word. */
  kill(): Promise<void> {
    return stop(this.#process, 'SIGKILL');
  }

  /** It is told to end. */
  stop(): Promise<void> {
    return stop(this.#process);
  }
}

/** A database of its own, and what every node over it is told. */
export class Deployment {
  readonly #binary: string;
  readonly #server: string;
  readonly #name = `sdk_${process.pid}_${Date.now()}`;
  readonly #nodes: Node[] = [];

  private constructor(binary: string, server: string) {
    this.#binary = binary;
    this.#server = server;
  }

  static async make(binary: string, server: string): Promise<Deployment> {
    const deployment = new Deployment(binary, server);
    await deployment.#sql(`create database ${deployment.#name}`);
    return deployment;
  }

  /** Ends what still runs, and removes the database. */
  async remove(): Promise<void> {
    await Promise.all(this.#nodes.map(node => node.stop()));
    await this.#sql(`drop database if exists ${this.#name} with (force)`);
  }

  /** Starts a node through which media go. Pages of other nodes may use it. */
  mediaNode(name: string): Promise<Node> {
    const env = { ...this.#environment(), WAC_CORS_DOMAINS: '127.0.0.1' };
    return this.#start(name, ['--roles', 'api,media', '--http-port', '0', '--media-port', '0'], env);
  }

  /** Starts a node, on the port of a former one or on any, and waits until it serves. */
  node(name: string, port = '0'): Promise<Node> {
    return this.#start(name, ['--http-port', port, '--qss-port', '0'], this.#environment());
  }

  async #start(name: string, options: string[], env: NodeJS.ProcessEnv): Promise<Node> {
    const args = ['serve', '--node', name, '--metrics-port', '0', ...options];
    const child = spawn(this.#binary, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    tied(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
    const said: string[] = [];
    let address: string | undefined;
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      address = addressIn(line);
      if (address !== undefined) break;
    }
    clearTimeout(timer);
    if (address === undefined) throw new Error(`${name} ended early:\n${said.join('\n')}`);
    child.stderr.resume();
    const node = new Node(name, `http://${address}`, child);
    this.#nodes.push(node);
    return node;
  }

  /** Makes a person of the base domain; the name is the password. */
  async addPerson(node: Node, name: string): Promise<void> {
    const login = { grant_type: 'password', username: 'admin', password: ADMIN_PASSWORD };
    const answer = await fetch(`${node.url}/sapi/o/token`, { method: 'POST', body: new URLSearchParams(login) });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const post = async (path: string, body: object): Promise<{ id: string }> => {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const response = await fetch(`${node.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      if (response.status !== 201) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as { id: string };
    };
    const { id: user } = await post('/sapi/users', { username: name, domain: 'quobis', role: 'user' });
    const secret = { data: { password: name }, lease: 0, context: {} };
    await post('/sapi/credentials', { type: 'basic', source: 'wac', domain: 'quobis', user, ...secret });
  }

  /** What `wac events` prints. */
  events(...args: string[]): Promise<string> {
    return output(this.#binary, ['events', ...args], this.#environment());
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...withoutSettings(),
      NO_COLOR: '1',
      WAC_ADMIN_PASSWORD: ADMIN_PASSWORD,
      WAC_DATABASE_URL: this.#server.replace(/[^/]*$/, this.#name),
      WAC_MASTER_KEY: MASTER_KEY,
      WAC_SECURITY__PLAIN_HTTP_ON_LOOPBACK: 'true',
    };
  }

  async #sql(statement: string): Promise<void> {
    await output('psql', ['--no-psqlrc', '--quiet', '--command', statement, this.#server], process.env);
  }
}

/** The address of plain HTTP in the line that says so. */
function addressIn(line: string): string | undefined {
  try {
    const said = JSON.parse(line) as { message?: string; http?: string };
    return said.message === 'serving requests' ? said.http : undefined;
  } catch {
    return undefined;
  }
}
