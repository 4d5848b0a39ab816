"""Where the broker is: mqtt://HOST[:PORT], or mqtts:// over TLS; HOST is a name or an IPv4 address."""

_SCHEMES = (("mqtt://", 1883, False), ("mqtts://", 8883, True))


def parse(url):
    """(host, port, over TLS or not) of a broker URL; ValueError says in plain words what is wrong with it."""
    for scheme, usual, secure in _SCHEMES:
        if url.startswith(scheme):
            host, _, port = url[len(scheme) :].partition(":")
            if not host or port and not (port.isdigit() and 0 < int(port) < 65536):
                raise ValueError("the broker URL has no host or a wrong port")
            return host, int(port) if port else usual, secure
    raise ValueError("the broker URL must start with mqtt:// or mqtts://" if url else "no broker URL set")
