# Runs the agent and always ends in a reset, after a pause that grows while starts keep failing. The one exception is a
# development board that is interrupted. RTC memory says why: one byte counts the failed starts, text follows.
reason, ending, prompt = "", None, False
try:
    import micropython

    prompt = globals().get("dev")  # as boot.py found it
    micropython.kbd_intr(3 if prompt else -1)  # the port listens for Ctrl-C again whenever a file starts
    import sys

    for slot in (sys.path[0], "/b" if sys.path[0] == "/a" else "/a"):
        try:
            sys.path[0] = slot
            from firmware import app

            break
        except Exception as error:
            reason += f"{slot}: {error!r} "
            for name in [name for name in sys.modules if name.split(".")[0] in ("firmware", "lib")]:
                del sys.modules[name]
    app.main(reason)
except BaseException as error:
    ending = error
if not (prompt and isinstance(ending, KeyboardInterrupt)):
    try:
        import time

        import machine

        failed = min((machine.RTC().memory() or b"\0")[0] + 1, 255)
        machine.RTC().memory(bytes([failed]) + f"{reason}{ending!r}".encode()[:120])
        time.sleep(min(1 << min(failed - 1, 5), 20))  # shorter than the watchdog's 30 s
    except BaseException:
        pass
    try:
        machine.reset()
    finally:
        raise SystemExit  # a soft reset, should that have failed
