#!/usr/bin/env bash
# Lets two browsers talk and writes what the call records say of it to standard output as Markdown.
#
#     cargo xtask services run -- ops/walkthrough-records.sh > docs/walkthrough-records.md
#
# Needs a built `wac` (WALKTHROUGH_BIN, default: the debug binary), the packages of web/ (`npm ci`), Chromium and a
# Kafka (WAC_TEST_KAFKA_BROKERS). It is the end-to-end test `records` that makes the call.
name=walkthrough-records port=18001
. "$(dirname "${BASH_SOURCE[0]}")/walkthrough-lib.sh"

rules='busy: ssrc.bytesSent > 1000, lossy: ssrc.packetsLost > 2%'
WAC_CALL_ALARMS__RULES=$rules start_dev
(cd web/sdk && WAC_BIN=$wac WAC_SDK_SERVER=$work/dev.log npx vitest run test/e2e/records.test.ts) >&2
log_in
call=$(curl -s "$base/sapi/conferences" -H "$auth" | first_id)
alarm=$(curl -s "$base/sapi/alarms?type=call" -H "$auth" | first_id)

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
