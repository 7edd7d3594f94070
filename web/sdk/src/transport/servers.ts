/** Where the interfaces are, below a server's base URL. */
export interface Paths {
  /** Default `/qss`. */
  qss?: string;
  /** Default `/wapi`. */
  wapi?: string;
  /** Default `/sapi`. */
  sapi?: string;
}

/** Addresses of one deployment; several are tried in turn, from a random one on. */
export class Servers {
  readonly #urls: readonly string[];
  #current: number;

  constructor(urls: readonly string[], random: () => number = Math.random) {
    this.#urls = urls;
    this.#current = Math.floor(random() * urls.length);
  }

  /** How many there are. */
  get count(): number {
    return this.#urls.length;
  }

  /** The one in use. */
  get current(): string {
    return this.#urls[this.#current % this.#urls.length] as string;
  }

  /** Goes on to the next one. */
  advance(): void {
    this.#current += 1;
  }
}

/** Base URLs of one interface: `wss://host/qss` of `https://host`. */
export function addresses(servers: string | readonly string[], path: string, socket: boolean): string[] {
  const list = typeof servers === 'string' ? [servers] : servers;
  if (list.length === 0) throw new TypeError('servers: at least one URL is needed');
  return list.map(server => {
    const url = new URL(server);
    if (socket) url.protocol = url.protocol.replace(/^http/, 'ws');
    else url.protocol = url.protocol.replace(/^ws/, 'http');
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
    return url.href;
  });
}
