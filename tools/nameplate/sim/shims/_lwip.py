# Between the chip's sockets and the host's: addresses, error numbers, and where the network leads.
import _core
import _real_socket

# Linux -> newlib, where they differ.
_NUMBERS = {
    32: 104,
    90: 122,
    98: 112,
    101: 118,
    103: 113,
    106: 127,
    107: 128,
    110: 116,
    111: 104,  # lwIP does not tell a refusal from a reset
    113: 118,
    114: 120,
    115: 119,
}


def error(host_error):
    # The OSError that a chip raises for this one of the host.
    number = host_error.args[0]
    return OSError(_NUMBERS.get(number, number))


def resolve(host):
    # An address as four numbers with dots. A name blocks everything until it is answered or given up.
    if not host:
        return "0.0.0.0"
    parts = host.split(".")
    if len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts):
        return host
    address, us = _core.call("resolve", host)[0]
    _core.spend(us)
    if address is None:
        raise OSError(-202)
    return address


def route(kind, address):
    # What becomes of something sent there: the host's own address, or a refusal or silence the world asks for.
    if _core.network == _core.DOWN:
        return "unreachable", None
    return _core.call("route", kind, address[0], address[1])[0]


def packed(address):
    return _real_socket.getaddrinfo(address[0], address[1])[0][-1]


def unpacked(address):
    family = _real_socket.sockaddr(address)
    return ".".join(str(part) for part in family[1]), family[2]
