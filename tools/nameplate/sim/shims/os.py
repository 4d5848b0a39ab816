# os as the ESP32 port has it. The names are those of the interpreter, less what a chip has not.
import _core
from _real_os import chdir, getcwd, ilistdir, listdir, mkdir, remove, rename, rmdir, stat, statvfs, unlink
from _vfs import mount, umount
from collections import namedtuple as _namedtuple

_uname = _namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))(*_core.hello["uname"])


def uname():
    return _uname


def urandom(_n):
    return _core.call("urandom", _n)[1]


def sync():
    pass


def dupterm(_stream_object, _index=0):
    if _stream_object is not None:
        raise NotImplementedError("the virtual board has one terminal")
