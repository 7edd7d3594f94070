const TOKEN_ALPHABET = 'useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict';
const TOKEN_LENGTH = 21;

/** A frame as an object, or `undefined` if it is none. */
export function parse(text: string): Record<string, unknown> | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === 'object' && frame !== null && !Array.isArray(frame)
      ? (frame as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A request id nobody else makes: 21 characters, 126 random bits. */
export function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_LENGTH));
  let id = '';
  for (const byte of bytes) id += TOKEN_ALPHABET[byte & 63];
  return id;
}

/** Size of a frame on the wire, in bytes. */
export function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
