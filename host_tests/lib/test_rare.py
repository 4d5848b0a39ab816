"""Rare modules really go, really come back, and give their memory back while they are gone."""

import sys

from lib import rare


def test_forgotten_modules_are_loaded_anew():
    import lib.dates as first

    rare.forget(("lib.dates", "lib.no_such_module", "no_such_package.at_all"))
    assert "lib.dates" not in sys.modules
    import lib.dates as second

    assert second is not first
    assert second.days("1970-01-02") == 1
    assert sys.modules["lib"].dates is second


def test_memory_comes_back_on_the_device(micropython):
    printed = micropython("""
import gc
from host_tests.firmware import fakes
from firmware import identity
from firmware.settings import Settings
appliance = fakes.Appliance(journal=[b"started"])
def live():
    gc.collect()
    return gc.mem_alloc()
def ask():
    appliance.ask(b'id\\nconsent off\\n{"jsonrpc":"2.0","id":1,"method":"sensors"}\\n')
    appliance.out = bytearray()
ask()
appliance.session.rest()
before = live()
ask()
loaded = live()
appliance.session.rest()
after = live()
identity.load(fakes.Nvs())
Settings(fakes.Nvs())
print(loaded - before > 8000, after - before, live() - after)
print(appliance.ask(b"id\\n")[1])
""")
    numbers, last = printed.splitlines()
    grew, after, later = numbers.split()
    assert grew == "True"
    assert int(after) <= 1024
    assert int(later) <= 1024
    assert last == "serial    4F7-220918"
