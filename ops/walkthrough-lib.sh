# What the walkthroughs of calls have in common; sourced by them. They have set `name` and the default `port`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD target=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wac/target}
wac=${WALKTHROUGH_BIN:-$target/debug/wac}
brokers=${WAC_TEST_KAFKA_BROKERS:?run this under: cargo xtask services run -- ops/$name.sh}
port=${WALKTHROUGH_PORT:-$port}
work=$(mktemp -d)
pid=
trap '[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
pretty='python3 -m json.tool --indent 1 --no-ensure-ascii'

say() { printf '\n%s\n' "$*"; }
# What is shown: this machine's paths, tokens and passwords do not belong into a document, and ids are shortened.
clean() {
    sed -E -e "s#$work/venv/bin/##g" -e "s#$work/##g" -e "s#$root/##g" -e "s#wac_([ar])t_[A-Za-z0-9_-]+#wac_\1t_…#g" -e 's/\x1b\[[0-9;]*m//g' \
        -e 's#(password=)[a-z0-9]{4}-[a-z0-9-]+#\1…#g' -e 's#( +[a-z]+@[a-z]+ +)[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9-]+#\1…#' \
        -e 's#(/phone/pair\#)[A-Za-z0-9_-]+#\1…#' \
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
first_id() { python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["id"])'; }

# The virtual environment of the Python consumers.
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r docs/examples/requirements.txt
export PATH="$(dirname "$wac"):$PATH" base=http://127.0.0.1:$port

start_dev() { # Starts `wac dev` with Kafka and what the environment says; its print-out is in $work/dev.log.
    (cd "$work" && WAC_KAFKA_BROKERS=$brokers NO_COLOR=1 \
        exec "$wac" dev --data wac-data --http-port "$port" --https-port 0 --qss-port 0) >"$work/dev.log" 2>"$work/dev.err" &
    pid=$!
    for _ in $(seq 600); do
        grep -q 'replay --verify' "$work/dev.log" && return
        kill -0 "$pid" 2>/dev/null || { cat "$work/dev.err" >&2; exit 1; }
        sleep 0.1
    done
    echo "wac dev did not become ready" >&2
    exit 1
}
log_in() { # The administrator's authorization header goes into $auth.
    local password token
    password=$(sed -nE 's/^ +admin@quobis +([^ ]+).*/\1/p' "$work/dev.log")
    token=$(curl -s "$base/sapi/o/token" --data-urlencode grant_type=password --data-urlencode username=admin@quobis \
        --data-urlencode "password=$password" | field access_token)
    auth="Authorization: Bearer $token"
}
