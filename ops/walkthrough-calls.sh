#!/usr/bin/env bash
# Has two clients of the SDK call each other over two nodes that die under them, and writes what they and
# the log say of it to standard output as Markdown.
#
#     cargo xtask services run -- ops/walkthrough-calls.sh > docs/walkthrough-calls.md
#
# Needs a built `wac` (WALKTHROUGH_BIN, default: the debug binary), the packages of web/ (`npm ci`) and a
# PostgreSQL (WAC_TEST_DATABASE_URL). It is the end-to-end test `nodes` that does it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wac/target}
: "${WAC_TEST_DATABASE_URL:?run this under: cargo xtask services run -- ops/walkthrough-calls.sh}"
story=$(mktemp)
trap 'rm -f "$story"' EXIT

export WAC_BIN=${WALKTHROUGH_BIN:-$target/debug/wac} WAC_SDK_STORY=$story
(cd web/sdk && npx vitest run test/e2e/nodes.test.ts) >&2

cat <<'TXT'
# Walkthrough: a call across nodes

Two clients of the JavaScript SDK in Node, two `wac serve` processes on one PostgreSQL. Alice is on node one, Bob on node two. Node one is killed in the middle of their call, started again, and then
node two is killed. Nothing in the clients knows of it but the list of both addresses. Written by `ops/walkthrough-calls.sh`, which runs the end-to-end test `web/sdk/test/e2e/nodes.test.ts`.

## What they do and hear
Seconds since the start; `hears` is an event of the SDK.

TXT
printf '```text\n%s\n```\n\n' "$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).transcript' "$story")"
printf '## What the log says\nIds are shortened to their last four digits.\n'
node -e '
const { commands } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
const short = text => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}/g, id => "…" + id.slice(-4)).replace(/ {3,}/g, "  ");
for (const [command, printed] of commands) console.log(short("\n```console\n$ " + command + "\n" + printed.trimEnd() + "\n```"));
' "$story"
