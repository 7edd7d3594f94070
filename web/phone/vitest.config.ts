import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { '@wac/sdk': fileURLToPath(new URL('../sdk/src/index.ts', import.meta.url)) } },
  test: { include: ['test/**/*.test.ts'], pool: 'threads', reporters: [['default', { summary: false }]] },
});
