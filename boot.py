# Runs first at every start, before main.py. It may not raise: an exception here would leave a prompt on a shipped
# appliance. Ctrl-C is off before anything else; main.py gives it back to a development board (NVS i32 `dev` = 1).
try:
    import esp
    import esp32
    import micropython

    micropython.kbd_intr(-1)
    esp.osdebug(0, esp.LOG_NONE)  # the chip's own log would run into the console; None leaves its errors on
    dev = esp32.NVS("nameplate").get_i32("dev") == 1
except BaseException:  # no such entry, or a Ctrl-C that came first
    pass
try:
    import sys

    # Code comes from the active slot and from the build, not from the current folder or from /lib.
    sys.path[:] = ["/a"] + [place for place in sys.path if place not in ("", "/", "/lib", "/a", "/b")]
    with open("/slot") as file:
        sys.path[0] = "/b" if file.read(1) == "b" else "/a"
except BaseException:  # no /slot: the first
    pass
