"""The first words on a new connection: the last will, what to listen to, who this is, and that it is there. Needed when connecting."""

from firmware.uplink import mqtt_connect, transport
from firmware.uplink.mqtt import LinkError

_HUNG_UP = ("broker closed the connection", "malformed packet")
_TYPE = "nameplate-status+jwt"


async def introduce(uplink, link, url, way, alive):
    """Open `link` to the broker at `url` and introduce `uplink`'s unit. LinkError or ValueError where it fails."""
    root = uplink.root
    client = link.codec.client

    async def connect():
        stream, named = await transport.connect(url, *way)
        # nats-server turns away whoever shows a certificate and names a user.
        client.user = None if named else uplink.unit.broker_user.encode()
        client.pswd = None if named else uplink.unit.broker_secret.encode()
        return stream

    will = await _status(uplink, "offline")
    try:
        topics = (root + "status").encode(), will, (root + "cmd").encode()
        await mqtt_connect.begin(link, connect, *topics, int(url.startswith("mqtts:")))
    except LinkError as error:
        if link.lost == "broker not reached" and str(error) in _HUNG_UP and url.startswith("mqtt:"):
            raise LinkError("no MQTT on that port: TLS?")
        raise
    uplink.told.sent = (root + "status", will)
    alive()
    # The binding first: without it nobody who has just met this unit can verify what follows.
    await uplink.publish(link, "identity", uplink.unit.binding, True)
    alive()
    await uplink.publish(link, "status", await _status(uplink, "online"), True)


async def _status(uplink, state):
    clock = uplink.clock
    now = clock.unix()
    text = (
        f'{{"eat_profile":"urn:nameplate:1:status","ueid":"{uplink.unit.ueid}","state":"{state}",'
        + f'"bootcount":{uplink.bootcount},"conn":{uplink.connections},"uptime":{clock.uptime_s()},'
        + f'"clock":"{clock.quality}"'
    )
    if now is not None:
        text += f',"iat":{now}'
    return await uplink.signer.sign(_TYPE, (text + "}").encode())
