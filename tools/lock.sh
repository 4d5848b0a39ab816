#!/bin/sh
# Renew the lock files: exact versions with hashes for every platform, and no addresses.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
lock() {
    out=requirements/$1.lock
    shift
    "$uv" pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --quiet --output-file "$out" "$@" requirements/build.in
    printf '%s: %s packages\n' "$out" "$(grep -c '^[a-z0-9]' "$out")"
}
lock demo --extra sim --extra factory
lock test --extra sim --extra factory --group test --group lint
