import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// One script and one style of fixed names: the binary that serves them embeds them by name.
export default defineConfig({
  base: '/phone/assets/',
  resolve: { alias: { '@wac/sdk': fileURLToPath(new URL('../sdk/src/index.ts', import.meta.url)) } },
  build: {
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        entryFileNames: 'phone.js',
        assetFileNames: ({ names }) => (names.some(name => name.endsWith('.css')) ? 'phone.css' : '[name][extname]'),
      },
    },
  },
});
