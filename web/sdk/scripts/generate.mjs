// Writes the wire types in `src/wire/` from the committed schemas of the server; `--check` only compares.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { compile } from 'json-schema-to-typescript';

const read = path => JSON.parse(readFileSync(new URL(`../../../docs/${path}`, import.meta.url), 'utf8'));

/** The resources that the SDK shows as they are. */
const RESOURCES = ['Conference', 'Contact', 'Presence', 'Problem', 'PushToken', 'UsersGroup'];

/** The last part of a reference. */
const nameOf = reference => reference.slice(reference.lastIndexOf('/') + 1);

/** A schema with names of types for its references, so that each type is written once and fields keep their sentences. */
function named(schema) {
  if (Array.isArray(schema)) return schema.map(named);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, properties, ...rest } = schema;
  if ($ref !== undefined) return { ...rest, tsType: nameOf($ref) };
  if (properties !== undefined) return { ...mapped(rest), properties: mapped(properties) };
  const saysNothing = Object.keys(rest).every(key => key === 'description');
  return saysNothing ? { ...rest, tsType: 'unknown' } : mapped(rest);
}

/** The same of every value of an object. */
function mapped(object) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, named(value)]));
}

/** Names of the schemas that some are made of, with themselves. */
function closure(schemas, names, found = new Set()) {
  for (const name of names.filter(name => name in schemas && !found.has(name))) {
    found.add(name);
    const references = JSON.stringify(schemas[name]).matchAll(/"\$ref":"([^"]*)"/g);
    closure(
      schemas,
      [...references].map(([, reference]) => nameOf(reference)),
      found,
    );
  }
  return found;
}

/** The types of some schemas. */
async function typesOf(schemas, names, source, imports = '') {
  const $defs = Object.fromEntries([...names].sort().map(name => [name, named(schemas[name])]));
  const text = await compile({ $defs }, 'Nowhere', {
    additionalProperties: false,
    bannerComment: `// Generated from ${source} by \`npm run generate\`: change the schema, not this.\n${imports}`,
    format: true,
    style: { bracketSpacing: true, printWidth: 120, singleQuote: true },
    unreachableDefinitions: true,
  });
  return text
    .replace(/export interface Nowhere \{[^}]*\}\n/, '')
    .replace(
      /( \*\n)? \* This interface was referenced by `Nowhere`'s JSON-Schema\n \* via the `definition` "\w+"\.\n/g,
      '',
    )
    .replace(/^( *)\/\*\*\n *\* (.*)\n *\*\/\n/gm, '$1/** $2 */\n');
}

const signaling = read('signaling.schema.json').$defs;
const resources = read('openapi.json').components.schemas;
// The description of the resources says in words what that of the sockets has a type for.
const { activity } = resources.Presence.properties;
activity.$ref = '#/$defs/Activity';

const files = {
  'signaling.ts': await typesOf(signaling, Object.keys(signaling), 'docs/signaling.schema.json'),
  'resources.ts': await typesOf(
    resources,
    closure(resources, RESOURCES),
    'docs/openapi.json',
    "\nimport type { Activity } from './signaling.js';\n",
  ),
};
for (const [name, text] of Object.entries(files)) {
  const file = new URL(`../src/wire/${name}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`src/wire/${name} is not what the schemas say: \`npm run generate\` writes it\n`);
    process.exitCode = 1;
  }
}
