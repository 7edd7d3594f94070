import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';

/** How long an ordered end may take before it is made, in milliseconds. */
const STOP_TIMEOUT_MS = 15_000;

/** The binary under test; `undefined` when the tests against it are to be skipped. */
export const BINARY = process.env['WAC_BIN'];

/** The environment, without what would configure the binary. */
export function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WAC_')));
}

/** Removes a process and its directory when this one ends before it. */
export function tied(child: ChildProcess, directory?: string): void {
  const end = (): void => {
    child.kill('SIGKILL');
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}

/** Tells a process to end, and makes it end if it does not. */
export async function stop(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
  clearTimeout(timer);
}

/** Runs a program to its end; what it printed, or an error with what it complained of. */
export async function output(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let [printed, complained] = ['', ''];
  child.stdout.on('data', data => {
    printed += String(data);
  });
  child.stderr.on('data', data => {
    complained += String(data);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${complained}`);
  return printed;
}
