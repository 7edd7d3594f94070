#!/usr/bin/env bash
# Installs what building (`build`) or testing (`test`) needs on Debian 12, and nothing when all of
# it is there. Needs root or sudo only when something is missing.
set -euo pipefail

purpose=${1:-test}
case "$purpose" in
    build | test) ;;
    *) echo "usage: $0 [build|test]" >&2; exit 2 ;;
esac

has() { command -v "$1" >/dev/null 2>&1; }
has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }
has_venv() { has python3 && python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_headers() { [ -e /usr/include/zlib.h ]; }

missing=()
has cc && has c++ && has make || missing+=(build-essential)
has cmake || missing+=(cmake)
has pkg-config || missing+=(pkg-config)
has git || missing+=(git)
has_headers || missing+=(zlib1g-dev)
if [ "$purpose" = test ]; then
    has_postgres || missing+=(postgresql)
    has java || missing+=(default-jre-headless)
    has mvn || missing+=(maven)
    has_venv || missing+=(python3 python3-venv)
    has setpriv || missing+=(util-linux)
    has chromium || missing+=(chromium)
    if ! has npm || ! node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)'; then
        echo "setup: Node 20 or newer with npm is not on the PATH; install it first" >&2
        exit 1
    fi
fi

if ! has cargo; then
    echo "setup: cargo is not on the PATH; install the Rust toolchain (rust-version in Cargo.toml) first" >&2
    exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! has apt-get; then
    echo "setup: missing: ${missing[*]}; there is no apt-get here, so please install them by hand" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    has sudo || { echo "setup: missing: ${missing[*]}; installing them needs root or sudo" >&2; exit 1; }
    as_root=(sudo)
fi

# Debian's package starts a cluster of its own at installation; the tests bring their own, and
# nothing of ours is to be left running.
no_cluster=/etc/postgresql-common/createcluster.d/wac-no-main-cluster.conf
if [[ " ${missing[*]} " == *" postgresql "* ]]; then
    "${as_root[@]}" mkdir -p "$(dirname "$no_cluster")"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" >/dev/null
    trap '"${as_root[@]}" rm -f "$no_cluster"' EXIT
fi

echo "setup: installing ${missing[*]} with apt-get" >&2
"${as_root[@]}" apt-get -qq update </dev/null >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install "${missing[@]}" </dev/null >&2
echo "setup: done" >&2
