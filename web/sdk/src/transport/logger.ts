/** How much a line matters. */
export type LogLevel = 'debug' | 'info' | 'warn';

/**
 * Takes what the SDK has to say about itself; without one it says nothing. Tokens and message bodies are never in it.
 *
 * @example
 * ```ts
 * const session = await createSession({ ...options, logger: (level, message, fields) => console[level](message, fields) });
 * ```
 */
export type Logger = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;

/** Says nothing. */
export const silent: Logger = () => {};
