"""Where the broker is: mqtt://HOST:PORT, HOST being an IPv4 address or "localhost".

A name is not accepted yet: resolving one would block every task for up to twenty seconds on this port.
"""

_DEFAULT_PORT = 1883


def parse(url):
    """(address, port) of a broker URL; ValueError says in plain words what is wrong with it."""
    if not url.startswith("mqtt://"):
        raise ValueError(
            "the broker URL must start with mqtt:// (TLS comes later)" if url else "no broker URL set"
        )
    host, _, port = url[7:].partition(":")
    if host == "localhost":
        host = "127.0.0.1"
    if not _is_ipv4(host):
        raise ValueError("the broker must be given by its IPv4 address: names are not resolved yet")
    return host, int(port) if port else _DEFAULT_PORT


def _is_ipv4(host):
    parts = host.split(".")
    return len(parts) == 4 and all(
        0 < len(part) <= 3 and all(digit in "0123456789" for digit in part) and int(part) < 256
        for part in parts
    )
