#!/usr/bin/env bash
# Lets two browsers talk and writes what the call records say of it to standard output as Markdown.
#
#     cargo xtask services run -- ops/walkthrough-records.sh > docs/walkthrough-records.md
#
# Needs a built `wac` (WALKTHROUGH_BIN, default: the debug binary), the packages of web/ (`npm ci`), Chromium and a
# Kafka (WAC_TEST_KAFKA_BROKERS). It is the end-to-end test `records` that makes the call.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD target=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wac/target}
wac=${WALKTHROUGH_BIN:-$target/debug/wac}
brokers=${WAC_TEST_KAFKA_BROKERS:?run this under: cargo xtask services run -- ops/walkthrough-records.sh}
port=${WALKTHROUGH_PORT:-18001}
work=$(mktemp -d)
pid=
trap '[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT

say() { printf '\n%s\n' "$*"; }
# What is shown: this machine's paths and tokens do not belong into a document, and ids are shortened.
clean() {
    sed -E -e "s#$work/venv/bin/##g" -e "s#$work/##g" -e "s#$root/##g" -e "s#wac_([ar])t_[A-Za-z0-9_-]+#wac_\1t_…#g" -e 's/\x1b\[[0-9;]*m//g' \
        -e "s#$brokers#localhost:9092#g" -e "s#:$port#:8000#g" \
        -e 's/[0-9a-f]{60}([0-9a-f]{4})/…\1/g' \
        -e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{8}([0-9a-f]{4})/…\1/g'
}
show() { # command, as it is typed
    printf '\n```console\n$ %s\n' "$*" | clean
    (cd "$work" && bash -c "$*" 2>&1 || echo "(exit $?)") | tr -d '\r' | clean | sed -e 's/ {3,}/  /g' -e '$a\'
    printf '```\n'
}
field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r docs/examples/requirements.txt
export PATH="$(dirname "$wac"):$PATH" base=http://127.0.0.1:$port
rules='busy: ssrc.bytesSent > 1000, lossy: ssrc.packetsLost > 2%'
(cd "$work" && WAC_KAFKA_BROKERS=$brokers WAC_CALL_ALARMS__RULES=$rules NO_COLOR=1 \
    exec "$wac" dev --data wac-data --http-port "$port" --https-port 0 --qss-port 0) >"$work/dev.log" 2>"$work/dev.err" &
pid=$!
for _ in $(seq 600); do
    grep -q 'replay --verify' "$work/dev.log" && break
    kill -0 "$pid" 2>/dev/null || { cat "$work/dev.err" >&2; exit 1; }
    sleep 0.1
done
(cd web/sdk && WAC_BIN=$wac WAC_SDK_SERVER=$work/dev.log npx vitest run test/e2e/records.test.ts) >&2

password=$(sed -nE 's/^ +admin@quobis +([^ ]+).*/\1/p' "$work/dev.log")
token=$(curl -s "$base/sapi/o/token" --data-urlencode grant_type=password --data-urlencode username=admin@quobis \
    --data-urlencode "password=$password" | field access_token)
auth="Authorization: Bearer $token"
call=$(curl -s "$base/sapi/conferences" -H "$auth" | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["id"])')
alarm=$(curl -s "$base/sapi/alarms?type=call" -H "$auth" | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["id"])')
pretty='python3 -m json.tool --indent 1 --no-ensure-ascii'

cat <<'TXT'
# Walkthrough: the records of a call

Two browsers talk through the SFU of `wac dev`: Alice calls Bob, he tries to mute her, which is for the owner alone, holds the call and takes it up again, and they hang up. What follows is what the log says of it. Written by
`ops/walkthrough-records.sh`, where the end-to-end test `web/sdk/test/e2e/records.test.ts` makes the call; ids are shortened to their last four digits.

## The conference log
TXT
show "curl -s '$base/sapi/conferences?limit=1' -H '$auth' | $pretty"
say '## As files'
show "curl -s '$base/sapi/conferences?format=csv' -H '$auth'"
show "curl -s '$base/sapi/conferences' -H '$auth' -H 'Accept: application/x-ndjson' | cut -c -300"
say '## Step by step'
say 'The same from the log alone, with names, and with what was refused:'
show "wac replay --call $call --data wac-data"
show "curl -s '$base/sapi/conferences/$call/timeline?limit=2' -H '$auth' | $pretty"
say '## Alarms'
printf '\n```toml\n[callAlarms]\nrules = "%s"\n```\n' "$rules"
show "curl -s '$base/sapi/alarms?type=call&limit=1' -H '$auth' | $pretty"
show "curl -s -X POST $base/sapi/alarms/$alarm/acknowledgement -H '$auth' | $pretty | tail -n 5"
say '## Flat records on Kafka'
say 'A consumer of `wac.cdr.records.v1` adds them up:'
show "$work/venv/bin/python $root/docs/examples/call_records.py $brokers --until-end"
say '## Nothing but the events'
show "wac replay --verify --data wac-data"
