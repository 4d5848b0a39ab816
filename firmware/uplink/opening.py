"""The first words on a new connection: the last will, what to listen to, who this is, and that it is there. Needed when connecting."""

from firmware.uplink import mqtt_connect

_TYPE = "nameplate-status+jwt"


async def introduce(uplink, link, connect, alive):
    """Open `link` over what `connect()` gives, and introduce `uplink`'s unit. LinkError where it fails."""
    root = uplink.root
    will = await _status(uplink, "offline")
    await mqtt_connect.begin(link, connect, (root + "status").encode(), will, (root + "cmd").encode())
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
