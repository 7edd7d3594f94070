// Fails when the SDK has grown beyond its budget: what a page has to load before anything happens.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 25_000;

const size = gzipSync(readFileSync(new URL('../dist/wac.js', import.meta.url))).length;
process.stdout.write(`sdk: ${size} bytes compressed, of ${BUDGET_BYTES}\n`);
if (size > BUDGET_BYTES) process.exitCode = 1;
