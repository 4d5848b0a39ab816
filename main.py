# Runs the agent and always ends in a reset, after a pause that grows while starts keep failing. The one exception is a
# development board that is interrupted. RTC memory says why: one byte counts the failed starts, text follows. Every
# other start after a failed one is made from the other slot, on a heap that holds nothing of the first.
failed, ending, prompt = 0, None, False
try:
    import micropython

    prompt = globals().get("dev")  # as boot.py found it
    micropython.kbd_intr(3 if prompt else -1)  # the port listens for Ctrl-C again whenever a file starts
    import sys

    import machine

    failed = (machine.RTC().memory() or b"\0")[0]
    if failed % 2:
        sys.path[0] = "/b" if sys.path[0] == "/a" else "/a"
    from firmware import app

    app.main()
except BaseException as error:
    ending = error
if not (prompt and isinstance(ending, KeyboardInterrupt)):
    try:
        import time

        failed = failed + 1 if failed < 255 else 254
        machine.RTC().memory(bytes([failed]) + f"{sys.path[0]}: {ending!r}".encode()[:120])
        time.sleep(min(1 << min(failed - 1, 5), 20))  # shorter than the watchdog's 30 s
    except BaseException:
        pass
    try:
        import machine

        machine.reset()
    finally:
        raise SystemExit  # a soft reset, should that have failed
