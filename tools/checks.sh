#!/bin/sh
# What CI and pre-commit check beside the tests: style, types, arrows, spelling. Runs all, then says which failed.
cd "$(dirname "$0")/.." || exit 1
bin=.venv/bin
failed=
check() {
    name=$1
    shift
    if out=$("$@" 2>&1); then
        printf 'ok      %s\n' "$name"
    else
        printf 'FAILED  %s\n%s\n' "$name" "$out"
        failed="$failed $name"
    fi
}
export PYTHONPATH=.:tools
check ruff $bin/ruff check --quiet .
check format $bin/ruff format --check --quiet .
check types $bin/mypy
check arrows $bin/lint-imports
check spelling $bin/codespell --quiet-level 2 README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md docs/*.md firmware lib tools boot.py main.py
check device-stubs $bin/python -m pytest -q host_tests/test_device_stubs.py host_tests/test_arrows.py
if [ -n "$failed" ]; then
    printf 'failed:%s\n' "$failed" >&2
    exit 1
fi
