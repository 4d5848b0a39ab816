"""TLS to the broker: whom this unit believes, who it is, the handshake, and a refusal in plain words. Needed while connecting.

NVS holds the authority (`broker_ca`) and, where the broker wants one, a certificate and its key (`broker_cert`,
`broker_key`), each in DER. The chip's mbedTLS checks the chain, the name, and the dates against the RTC, which
firmware.clock keeps no earlier than what is certain: so what it calls expired is, and what it calls not yet valid only
may be. Whoever has neither RSA suites nor an RSA authority cannot be talked into RSA.
"""

import asyncio
import gc

import tls
from micropython import const

from firmware import blob
from firmware.uplink.mqtt import LinkError

_SHAKE_MS = const(15000)
_CALM_MS = const(20)
_CONNECT = b"\x10"  # how MQTT begins
_SUITES = ("TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384")
# What mbedTLS finds wrong with a certificate, a line each: which counts first, and our words.
_FINDINGS = (
    ("correctly signed", "unknown CA"),
    ("Common Name", "wrong name"),
    ("has expired", "expired"),
    ("in the future", "not yet valid"),
)
_ALERT = const(0x7780)  # the broker's own refusal
_STRANGE = (
    0x7280,
    0x7200,
    0x7300,
    0x6E80,
    0x7700,
    0x7880,
    32,
    104,
    113,
    128,
)  # no TLS, or an end without a word
_MEMORY = (0x7F00, 0x4D80, 0x3F80, 0x2880, 0x5180, 0x6180, 12, 16, 106)  # ... of whichever part had none


def context(nvs):
    """(an SSLContext from what NVS holds, whether we have a certificate). LinkError where that will not do."""
    ca = _stored(nvs, "broker_ca")
    if ca is None:
        raise LinkError("no CA set (TLS)")
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)  # which demands a certificate, and the right name in it
    what = "CA"
    try:
        made.set_ciphers(_SUITES)
        made.load_verify_locations(ca)
        what = "certificate or key"
        certificate = _stored(nvs, "broker_cert")
        if certificate:
            made.load_cert_chain(certificate, _stored(nvs, "broker_key") or b"")
    except ValueError:
        raise LinkError(f"{what} damaged (TLS)")
    except (OSError, MemoryError):
        raise LinkError("no memory (TLS)")
    return made, bool(certificate)


def _stored(nvs, name):
    try:
        return blob.read(nvs, name)
    except blob.Damaged as reason:
        if str(reason) == "missing":
            return None
        raise LinkError(f"{name} {reason} (TLS)")


async def shake(context, stream, host, clock, watch):
    """Shake hands over a connected stream, and send the first byte of MQTT. The secured socket; LinkError says why not."""
    seen = []  # lengths of the certificates shown

    def show(certificate, depth):
        seen.append(len(certificate))
        return 0

    context.verify_callback = show
    try:
        gc.collect()
        socket = context.wrap_socket(stream.s, server_hostname=host, do_handshake_on_connect=False)
        await asyncio.wait_for_ms(_write(socket, stream, watch), _SHAKE_MS)
        return socket
    except asyncio.TimeoutError:  # noqa: UP041 - MicroPython has no other
        why = "no answer"
    except (OSError, ValueError, MemoryError) as error:
        why = _why(error, seen, clock)
    finally:
        context.verify_callback = None
    stream.s.close()  # the secured one lets go of it when it fails
    raise LinkError(why if why == "not TLS" else why + " (TLS)")  # the panel has room for ten letters


async def _write(socket, stream, watch):
    # Each call computes what has come; the longest takes a second of the whole board's time.
    while True:
        while watch.suspected:
            await asyncio.sleep_ms(_CALM_MS)
        if socket.write(_CONNECT):
            return
        await stream.read(0)  # until there is more


def _why(error, seen, clock):
    if isinstance(error, MemoryError):
        return "no memory"
    if isinstance(error, ValueError):
        for finding, word in _FINDINGS:
            if finding in str(error):
                return "clock unknown" if word == "not yet valid" and clock.unix() is None else word
        return "bad certificate"
    code = abs(error.args[0]) if error.args and isinstance(error.args[0], int) else 0
    high = code & 0xFF80 or code  # mbedTLS adds the number of a part to that of the whole
    if high in _MEMORY:
        return "no memory"
    if seen and (high == _ALERT or high in _STRANGE):
        # It was content with its own certificate, so it is ours; we may be still writing when it hangs up.
        return "client certificate refused"
    if high == _ALERT:
        return "broker refuses TLS 1.2 with EC"
    if high in _STRANGE:
        return "not TLS"
    return f"failed ({code})"
