// Builds the phone into what the binary embeds; with `--check` it only says whether that is up to date.
// The files are committed, so that building the binary needs no Node.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const assets = fileURLToPath(new URL('../../../api/assets/phone/', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));

const built = await build({ root, logLevel: 'warn', build: { write: false } });
const files = new Map(
  [built]
    .flat()
    .flatMap(({ output }) =>
      output.map(file => [file.fileName, String(file.type === 'chunk' ? file.code : file.source)]),
    ),
);

// What the page names never changes under its name, so that browsers may keep it.
const version = name => createHash('sha256').update(files.get(name)).digest('hex').slice(0, 12);
let page = files.get('index.html');
for (const name of ['phone.js', 'phone.css']) {
  page = page.replace(`/phone/assets/${name}`, `/phone/assets/${name}?v=${version(name)}`);
}
files.set('index.html', page);

if (process.argv.includes('--check')) {
  const stale = [...files].filter(([name, text]) => {
    const path = assets + name;
    return !existsSync(path) || readFileSync(path, 'utf8') !== text;
  });
  if (stale.length > 0) {
    process.stderr.write(
      `phone: ${stale.map(([name]) => name).join(', ')} in api/assets/phone/: run \`npm run build\` in web/\n`,
    );
    process.exitCode = 1;
  }
} else {
  mkdirSync(assets, { recursive: true });
  const former = readdirSync(assets).filter(name => /\.(html|js|css)$/.test(name) && !files.has(name));
  for (const name of former) rmSync(assets + name);
  for (const [name, text] of files) writeFileSync(assets + name, text);
  process.stdout.write(`phone: ${[...files].map(([name, text]) => `${name} ${text.length}`).join(', ')}\n`);
}
