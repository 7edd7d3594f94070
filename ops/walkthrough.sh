#!/usr/bin/env bash
# Does the main job for real and writes what it saw to standard output as Markdown.
#
#     cargo xtask services run -- ops/walkthrough.sh > docs/walkthrough.md
#
# Needs a built `wac` (WALKTHROUGH_BIN, default: the debug binary) and a Kafka (WAC_TEST_KAFKA_BROKERS);
# the Python consumer runs in a virtual environment of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wac/target}
wac=${WALKTHROUGH_BIN:-$target/debug/wac}
brokers=${WAC_TEST_KAFKA_BROKERS:?run this under: cargo xtask services run -- ops/walkthrough.sh}
port=${WALKTHROUGH_PORT:-18000}
work=$(mktemp -d)
data=$work/wac-data
pid=
trap '[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT

say() { printf '\n%s\n' "$*"; }
# What is shown: this machine's paths, tokens and passwords do not belong into a document.
clean() {
    sed -E -e "s#$work/##g" -e "s#$wac#wac#g" -e "s#wac_([ar])t_[A-Za-z0-9_-]+#wac_\1t_…#g" \
        -e 's#(password=)[a-z0-9]{4}-[a-z0-9-]+#\1…#g' -e 's#( +[a-z]+@[a-z]+ +)[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9-]+#\1…#' \
        -e 's/\x1b\[[0-9;]*m//g' -e "s#$brokers#localhost:9092#g" -e "s#:$port#:8000#g"
}
show() { # command, as it is typed
    printf '\n```console\n$ %s\n' "$*" | clean
    (cd "$work" && bash -c "$*" 2>&1 || echo "(exit $?)") | tr -d '\r' | clean | sed -e '$a\'
    printf '```\n'
}
start() {
    (cd "$work" && WAC_KAFKA_BROKERS=$brokers exec "$wac" dev --data wac-data --http-port "$port" --https-port 0 --qss-port 0) \
        >"$work/dev.log" 2>"$work/dev.err" &
    pid=$!
    for _ in $(seq 200); do
        curl -fs "http://127.0.0.1:$port/readyz" >/dev/null 2>&1 && [ -s "$work/dev.log" ] && return
        kill -0 "$pid" 2>/dev/null || { cat "$work/dev.err" >&2; exit 1; }
        sleep 0.05
    done
    echo "wac dev did not become ready" >&2; exit 1
}
field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

export PATH="$(dirname "$wac"):$PATH" base=http://127.0.0.1:$port
cat <<'TXT'
# Walkthrough

The main job, run for real: first start, the administration guide's own requests, `kill -9`, restart, verification, the same events in Kafka, an erased person. Written by
`ops/walkthrough.sh`; tokens and passwords are shortened.

## First start
TXT
start
printf '\n```console\n$ wac dev\n'; clean <"$work/dev.log"; printf '```\n'
password=$(sed -nE 's/^ +admin@quobis +([^ ]+).*/\1/p' "$work/dev.log")
json='Content-Type: application/json'
token=$(curl -s "$base/sapi/o/token" -H "$json" \
    -d "{\"grant_type\":\"password\",\"username\":\"admin@quobis\",\"password\":\"$password\"}" | field access_token)
auth="Authorization: Bearer $token"

say '## The guide'"'"'s requests'
say 'A domain (§5.1.2.3), a user (§5.1.3.1), his password (§5.1.3.4); then the user logs in (§5.2.4).'
show "curl -s $base/sapi/domains -H '$auth' -H '$json' -d '{\"domain\":\"demo.quobis.com\",\"parent\":\"quobis\",\"origins\":[\"demo.quobis.*\"],\"enableAnonymous\":true,\"services\":{\"login\":[],\"presence\":[],\"callcontrol\":[],\"contacts\":[\"wac\",\"static\"]}}'"
show "curl -si $base/sapi/users -H '$auth' -H '$json' -d '{\"domain\":\"quobis\",\"username\":\"alice\",\"email\":\"alice@demo.quobis.com\",\"role\":\"user\",\"capabilities\":[],\"mobilePhone\":[\"987654321\"]}' | grep -iE '^(HTTP|location|etag|x-wac-position)|^.?\\{'"
alice=$(curl -s "$base/sapi/users" -H "$auth" | python3 -c 'import json,sys; print(next(u["id"] for u in json.load(sys.stdin) if u["username"]=="alice" and u["domain"]=="quobis"))')
show "curl -s -o /dev/null -w '%{http_code}\n' $base/sapi/credentials -H '$auth' -H '$json' -d '{\"source\":\"wac\",\"type\":\"basic\",\"context\":{},\"domain\":\"quobis\",\"user\":\"$alice\",\"data\":{\"password\":\"qa2\"},\"lease\":0}'"
show "curl -s -d 'grant_type=password&username=alice&password=qa2' -X POST $base/sapi/o/token"
say 'A guest (§5.1.5.1), and what is refused:'
show "curl -s $base/sapi/o/token -H '$json' -d '{\"grant_type\":\"anonymous\",\"username\":\"@demo.quobis.com\"}'"
show "curl -s $base/sapi/users -H '$auth' -H '$json' -d '{\"domain\":\"quobis\",\"username\":\"Alice\",\"role\":\"user\"}'"

say '## Killed, and started again'
show "curl -s -X PATCH $base/sapi/users/$alice -H '$auth' -H '$json' -d '{\"displayName\":\"Alice of quobis\"}' -o /dev/null -w '%{http_code}\n'; kill -9 $pid"
wait "$pid" 2>/dev/null || true
start
printf '\n```console\n$ wac dev\n'; clean <"$work/dev.log" | head -n 15; printf '```\n'
show "curl -s $base/sapi/users/$alice -H '$auth'"
show "wac events --stream user-$alice"
show "wac replay --verify"
show "wac projections list"

say '## The same events in Kafka'
python3 -m venv "$work/venv" && "$work/venv/bin/pip" -q install -r docs/examples/requirements.txt >/dev/null
last=$(curl -s "$base/metrics" >/dev/null; "$wac" log verify --data "$data" -o json 2>/dev/null | field position)
consumer="$work/venv/bin/python $PWD/docs/examples/consumer.py $brokers --until-end"
for _ in $(seq 50); do
    seen=$($consumer --group "probe-$RANDOM" 2>/dev/null | wc -l)
    [ "$seen" -ge "$last" ] && break
    sleep 0.2
done
printf '\n```console\n$ python docs/examples/consumer.py localhost:9092 --until-end | wc -l\n%s\n' "$seen"
printf '$ python docs/examples/consumer.py localhost:9092 --until-end | grep user.created | tail -n 1\n'
$consumer --group "show-$RANDOM" 2>/dev/null | grep user.created | tail -n 1 | clean
printf '```\n'

say '## Forgotten'
show "curl -s -X DELETE '$base/sapi/users/$alice?erase=true' -H '$auth' -o /dev/null -w '%{http_code}\n'"
for _ in $(seq 100); do
    "$wac" events --data "$data" --stream "user-$alice" -o json | head -n 1 | grep -q '"erased":true' && break
    sleep 0.1
done
show "curl -s $base/sapi/users/$alice -H '$auth'"
show "wac events --stream user-$alice"
show "grep -c 'alice@demo.quobis.com' wac-data/*; true"
show "wac replay --verify"
kill "$pid"; wait "$pid" 2>/dev/null || true
pid=
