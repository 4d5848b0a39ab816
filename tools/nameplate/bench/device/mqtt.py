"""Times publishes at QoS 1, on MicroPython: mqtt.py DEVICE_ROOT UMQTT_FOLDER PORT COUNT. Prints one JSON object.

The bare library and ours take turns, each on its own connection, so that another program's turn on the processor
falls on both.
"""

import asyncio
import json
import sys
import time

sys.path.insert(0, sys.argv[1])
sys.path.append(sys.argv[2])
PORT = int(sys.argv[3])
COUNT = int(sys.argv[4])

from umqtt.simple import MQTTClient

from firmware.uplink import mqtt_connect
from firmware.uplink.mqtt import Link
from firmware.uplink.refused import Refused
from lib.mqtt_memory import Codec

TOPIC = b"nameplate/1/32473/AQIDBAUGBwgJCgsMDQ4PEBE/heartbeat"
TOKEN = b"x" * 700


async def stream():
    return (await asyncio.open_connection("127.0.0.1", PORT))[0]


async def main():
    bare = MQTTClient(b"bare", "127.0.0.1", PORT, keepalive=60)
    bare.set_callback(print)
    bare.connect()
    ours = Link(Codec(b"ours", None, None, 60), print, Refused())
    await mqtt_connect.begin(ours, stream, b"will", b"gone", b"cmd")
    times = {"bare": [], "ours": []}
    for _ in range(COUNT):
        start = time.ticks_us()
        bare.publish(TOPIC, TOKEN, False, 1)
        times["bare"].append(time.ticks_diff(time.ticks_us(), start))
        start = time.ticks_us()
        await ours.publish(TOPIC, TOKEN)
        times["ours"].append(time.ticks_diff(time.ticks_us(), start))
    bare.disconnect()
    await ours.close()
    print(json.dumps(times))


asyncio.run(main())
