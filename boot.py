# Runs first at every start, before main.py. It may not raise: the port then skips main.py and leaves a prompt.
try:
    import micropython

    micropython.kbd_intr(-1)  # heard since this file began, and raised at a jump: so far there was none
    dev = micropython and False  # `and` is one: here it is caught, and not where the file ends
except BaseException:
    pass
try:
    import esp
    import esp32

    esp.osdebug(0, esp.LOG_NONE)  # the chip's own log would run into the console; None leaves its errors on
    dev = esp32.NVS("nameplate").get_i32("dev") == 1  # main.py gives Ctrl-C back to a development board
except BaseException:  # no such entry
    pass
try:
    import sys  # code comes from the active slot and from the build, not from the current folder or from /lib

    sys.path[:] = ["/a"] + [place for place in sys.path if place not in ("", "/", "/lib", "/a", "/b")]
    with open("/slot") as file:
        sys.path[0] = "/b" if file.read(1) == "b" else "/a"
except BaseException:  # no /slot: the first
    pass
