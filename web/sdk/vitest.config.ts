import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const chromium = process.env['WAC_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

if (!process.env['WAC_BIN']) {
  process.stderr.write('sdk: SKIPPED tests against the real server: WAC_BIN does not name the binary\n');
}
if (!existsSync(chromium)) {
  process.stderr.write(`sdk: SKIPPED the test in a browser: no ${chromium}, and WAC_TEST_CHROMIUM names no other\n`);
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'threads',
    reporters: [['default', { summary: false }]],
    restoreMocks: true,
    unstubGlobals: true,
  },
});
