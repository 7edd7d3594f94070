import { existsSync } from 'node:fs';
import { build, type Rollup } from 'vite';
import type * as wac from '../../src/index.js';

/** Where Debian puts it; another may be named. */
export const CHROMIUM = process.env['WAC_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is a browser to test in. */
export const HAS_CHROMIUM = existsSync(CHROMIUM);

/** What the pages' own scripts see. */
export type Page = typeof globalThis & { wac: typeof wac; session: wac.Session; heard: string[] };

/** The script for pages without a bundler, as it would be published. */
export async function sdkScript(): Promise<string> {
  const built = (await build({
    logLevel: 'error',
    build: { write: false, sourcemap: false },
  })) as Rollup.RollupOutput[];
  const outputs = built.flatMap(({ output }) => output);
  const script = outputs.find(file => file.fileName === 'wac.iife.js');
  if (script?.type !== 'chunk') throw new Error('the build has no wac.iife.js');
  return script.code;
}

/** A page with that script. */
export async function pageWithSdk(): Promise<string> {
  return `<!doctype html><script>${(await sdkScript()).replaceAll('</script', '<\\/script')}</script>`;
}
