#!/bin/sh
# Runs schemathesis against a running platform: no undocumented answer, no 5xx but the documented 503.
#
#   api/tests/schemathesis.sh BASE_URL ACCESS_TOKEN [further schemathesis options]
#
# BASE_URL without a slash at its end (http://127.0.0.1:8000); the token an administrator's. SCHEMATHESIS names the
# program (default: schemathesis; `pip install schemathesis`). Streams that never end are left out.
set -eu
base=$1
token=$2
shift 2
# Its caches and reports stay out of the working directory.
cd "$(mktemp -d)"
exec "${SCHEMATHESIS:-schemathesis}" run "$base/sapi/openapi.json" \
    --url "$base" \
    --header "Authorization: Bearer $token" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
    --exclude-path-regex '/events/stream' \
    --max-examples "${SCHEMATHESIS_EXAMPLES:-50}" \
    --request-timeout 30 \
    --seed "${SCHEMATHESIS_SEED:-1}" \
    "$@"
