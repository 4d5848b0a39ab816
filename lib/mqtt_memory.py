"""MQTT 3.1.1 packets made and read by umqtt.simple, with no socket.

umqtt writes to and reads from a buffer in memory; whoever owns the network moves the bytes, one write a packet. Nothing
here waits: a call of umqtt that goes on to read the broker's answer finds the buffer at its end, and stops there. What
umqtt leaves unchecked is checked first. Works with umqtt.simple 1.3.4 to 1.8; docs/uplink.md names what it relies on.
"""

import io


class Memory(io.BytesIO):
    """What umqtt takes for its socket."""

    def setblocking(self, on):
        pass


class Codec:
    """All text is bytes. `client` is umqtt's, with the callback for messages that come in."""

    def __init__(self, client_id, user=None, password=None, keepalive=0):
        from umqtt.simple import MQTTClient  # here, so that a build without it has all but the uplink

        self.client = MQTTClient(client_id, "", 1, user, password, keepalive)

    def made(self, call, *args):
        """The packet that this call of umqtt sends."""
        self.client.sock = memory = Memory()
        try:
            call(*args)
        except OSError:
            pass  # no answer in the buffer
        self.client.sock = None
        return memory.getvalue()

    def publish(self, topic, payload, retain):
        """PUBLISH at QoS 1 with the next packet identifier, and the PUBACK that it asks for."""
        client = self.client
        client.pid %= 65535
        packet = self.made(client.publish, topic, payload, retain, 1)
        return packet, b"\x40\x02" + client.pid.to_bytes(2, "big")

    def read(self, packet, body):
        """Hand a PUBLISH, whole, whose remaining part starts at `body`, to the callback. ValueError if it cannot be one."""
        # QoS 0 is all that this client subscribes to.
        size = int.from_bytes(packet[body : body + 2], "big")
        if packet[0] & 6 or len(packet) < body + 2 + size:
            raise ValueError
        self.client.sock = Memory(packet)
        self.client.wait_msg()
        self.client.sock = None
