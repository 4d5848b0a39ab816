"""The verified stream of a broker: subscribe, judge, call back.

feed = Feed("mqtt://127.0.0.1:1883", Verifier(Trust.load("acme.jwks")), print)
feed.start()
...
feed.stop()
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from nameplate.errors import NOT_REACHED, NameplateError
from nameplate.feed.address import PASSWORD_VARIABLE, BrokerAddress, TlsFiles
from nameplate.feed.judge import HOLD_S, Judge, Message
from nameplate.token.topics import ALL
from nameplate.token.verifier import Verifier

CONNECT_TIMEOUT_S = 10.0
_TICK_S = 0.2
_KEEPALIVE_S = 30


class Feed:
    """Calls `on_message(message)` with every message of `topics`, judged, one at a time and in order of arrival.

    The calls come on the feed's own threads, never two at once; the verifier belongs to the feed from start to stop.
    A lost connection is taken up again for as long as the feed runs. If the callback raises, the feed ends and
    `wait` raises it.
    """

    def __init__(
        self,
        broker_url: str,
        verifier: Verifier,
        on_message: Callable[[Message], None],
        *,
        topics: Sequence[str] = (ALL,),
        hold_s: float = HOLD_S,
        on_link: Callable[[bool], None] | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        self.address = BrokerAddress.parse(broker_url, tls)
        self.verifier = verifier
        self._judge = Judge(verifier, hold_s)
        self._on_message = on_message
        self._on_link = on_link
        self._topics = [(topic, 1) for topic in topics]
        self._lock = threading.RLock()
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._refused = ""
        self._error: BaseException | None = None
        self._ticker: threading.Thread | None = None
        self._client = self._make_client()

    def start(self, timeout_s: float = CONNECT_TIMEOUT_S) -> Self:
        """Connect and subscribe. Raises NameplateError (not reached) when that does not come about in time."""
        self._client.connect_timeout = timeout_s
        try:
            self._client.connect(self.address.host, self.address.port, keepalive=_KEEPALIVE_S)
        except (OSError, ValueError) as error:
            why = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
            raise self._not_reached(why or type(error).__name__) from None
        self._client.loop_start()
        deadline = time.monotonic() + timeout_s
        while not self._ready.wait(0.05) and not self._refused and time.monotonic() < deadline:
            pass
        if not self._ready.is_set():
            self.stop()
            raise self._not_reached(self._refused or f"no answer within {timeout_s:.0f} s")
        self._ticker = threading.Thread(target=self._tick, name="feed", daemon=True)
        self._ticker.start()
        return self

    def stop(self) -> None:
        """Disconnect; no callback begins after this returns. The callback itself may call it."""
        self._ended.set()
        self._client.disconnect()
        if threading.current_thread() is not self._ticker:
            self._client.loop_stop()
        with self._lock:  # whoever is in the callback has left it
            pass

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the feed has ended; False after `timeout_s`. Raises what the callback raised."""
        ended = self._ended.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return ended

    def paused(self) -> AbstractContextManager[Any]:
        """A context in which no message is judged, to read the verifier from another thread."""
        return self._lock

    def publish_raw(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish any bytes, right or wrong. At QoS 1 returns when the broker has them. Raises NameplateError."""
        sent = self._client.publish(topic, payload, qos=qos, retain=retain)
        with suppress(RuntimeError, ValueError):
            sent.wait_for_publish(CONNECT_TIMEOUT_S)
        if qos and not sent.is_published():
            raise self._not_reached("a message was not acknowledged")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"nameplate-{uuid.uuid4().hex[:12]}", clean_session=True
        )
        if self.address.user:
            client.username_pw_set(self.address.user, self.address.password)
        context = self.address.tls_context()
        if context is not None:
            client.tls_set_context(context)
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._arrived
        return client

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _props: Any) -> None:
        if code.is_failure:
            self._refused = f"refused: {str(code).lower()}"
            return
        client.subscribe(self._topics)

    def _subscribed(self, _client: mqtt.Client, _data: Any, _mid: int, codes: Any, _props: Any) -> None:
        if any(code.is_failure for code in codes):
            self._refused = "this user may not subscribe to nameplate/1/#"
            return
        self._ready.set()
        if self._on_link:
            self._guarded(self._on_link, True)

    def _disconnected(self, *_: Any) -> None:
        if self._on_link and self._ready.is_set() and not self._ended.is_set():
            self._guarded(self._on_link, False)

    def _arrived(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            try:
                topic = message.topic
            except UnicodeDecodeError:
                topic = ""
            for judged in self._judge.take(time.time(), topic, bytes(message.payload), message.retain):
                self._guarded(self._on_message, judged)

    def _tick(self) -> None:
        while not self._ended.wait(_TICK_S):
            with self._lock:
                for judged in self._judge.overdue():
                    self._guarded(self._on_message, judged)

    def _guarded(self, call: Callable[[Any], None], argument: Any) -> None:
        """A callback that raises must not kill paho's thread in silence: it ends the feed, aloud."""
        if self._ended.is_set():
            return
        try:
            call(argument)
        except BaseException as error:  # noqa: BLE001 handed on to whoever waits
            self._error = error
            self._ended.set()

    def _not_reached(self, why: str) -> NameplateError:
        return NameplateError(
            f"broker {self.address} not reached: {why}",
            f"check that it runs, the URL, and the user (its password goes into {PASSWORD_VARIABLE})",
            NOT_REACHED,
        )
