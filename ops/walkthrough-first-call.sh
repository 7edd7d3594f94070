#!/usr/bin/env bash
# Opens the link that `wac dev` prints, has the two phones in it call each other, and writes what the log says of that
# to standard output as Markdown.
#
#     cargo xtask services run -- ops/walkthrough-first-call.sh > docs/walkthrough-first-call.md
#
# Needs a built `wac` (WALKTHROUGH_BIN, default: the debug binary), the packages of web/ (`npm ci`), Chromium and a
# Kafka (WAC_TEST_KAFKA_BROKERS). It is the first of the phone's tests that makes the call. WALKTHROUGH_EXPORT names a file
# for the whole log, its keys and its master key (`.key`): what the golden story of this call is made of.
name=walkthrough-first-call port=18002
. "$(dirname "${BASH_SOURCE[0]}")/walkthrough-lib.sh"

start_dev
(cd web/phone && WAC_BIN=$wac WAC_SDK_SERVER=$work/dev.log npx vitest run test/phone.test.ts -t 'the printed link') >&2
log_in
call=$(curl -s "$base/sapi/conferences" -H "$auth" | first_id)

cat <<'TXT'
# Walkthrough: the first call

`make dev`, the link it prints, a call between the two phones that it opens, and what stands in the log afterwards. Written by `ops/walkthrough-first-call.sh`, where the phone's own test
`web/phone/test/phone.test.ts` opens the link in Chromium: Alice calls Bob, he accepts with his camera, mutes himself; she holds the call and takes it up again; he turns his camera off; the page is loaded
anew in the middle; he turns the camera on, and she hangs up. Ids are shortened to their last four digits.

## The link
TXT
printf '\n```console\n$ make dev\n'; clean <"$work/dev.log"; printf '```\n'
say '## The events of the call'
show "wac events --call $call --data wac-data"
say '## The conference log'
show "curl -s '$base/sapi/conferences?limit=1' -H '$auth' | $pretty"
say '## Told step by step'
show "wac replay --call $call --data wac-data"
say '## The same on Kafka'
say 'What the topics of rooms, calls and media have of it:'
show "$work/venv/bin/python $root/docs/examples/consumer.py $brokers --until-end | grep -E 'io.wac.(room|invite|media)' | sort -t ' ' -k 2 -n | cut -d , -f -3"
say 'And one flat record for each stay of each participant:'
show "$work/venv/bin/python $root/docs/examples/call_records.py $brokers --until-end"
say '## Nothing but the events'
show "wac replay --verify --data wac-data"
if [ -n "${WALKTHROUGH_EXPORT:-}" ]; then
    wac log export "$WALKTHROUGH_EXPORT" --with-keys --data "$work/wac-data" >&2
    cp "$work/wac-data/master.key" "$WALKTHROUGH_EXPORT.key"
fi
