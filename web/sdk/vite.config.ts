import { defineConfig } from 'vite';

// A module for everybody with a bundler or `<script type="module">`, and a script that puts everything
// under the global `wac`.
export default defineConfig({
  build: {
    target: 'es2022',
    sourcemap: true,
    minify: true,
    lib: {
      entry: 'src/index.ts',
      name: 'wac',
      formats: ['es', 'iife'],
      fileName: format => (format === 'es' ? 'wac.js' : 'wac.iife.js'),
    },
  },
});
