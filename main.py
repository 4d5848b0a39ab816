# Runs the agent and always ends in a reset, after a pause that grows while starts keep failing. The one exception is a
# development board that is interrupted. RTC memory says why: one byte counts the failed starts, text follows. Every
# other start after a failed one is made from the other slot, on a heap that holds nothing of the first.
try:
    failed, ending = 0, None
    try:
        import micropython

        micropython.kbd_intr(-1)
        failed = micropython and 0  # a jump: see boot.py
    except BaseException:
        pass
    try:
        import sys, time, machine  # noqa: E401, I001 in this order

        failed = (machine.RTC().memory() or b"\0")[0]
        if failed % 2:
            sys.path[0] = "/b" if sys.path[0] == "/a" else "/a"
        micropython.kbd_intr(3 if globals().get("dev") else -1)  # as boot.py found it
        from firmware import app

        app.main()
    except BaseException as error:
        ending = error
    if not (globals().get("dev") and isinstance(ending, KeyboardInterrupt)):
        failed = failed + 1 if failed < 255 else 254
        time.sleep(min(1 << min(failed - 1, 5), 20))  # shorter than the watchdog's 30 s
        machine.RTC().memory(bytes([failed]))  # what counts before the words, for which memory may not do
        machine.RTC().memory(bytes([failed]) + f"{sys.path[0]}: {ending!r}".encode()[:120])
        raise SystemExit
except BaseException:
    try:
        machine.reset()
    finally:
        raise SystemExit  # a soft reset, should that have failed
