"""A backend in a few lines: every message of a broker, verified.  python examples/subscribe.py acme.jwks mqtt://host"""

import sys

from nameplate.feed.feed import Feed
from nameplate.feed.judge import Message
from nameplate.token.trust import Trust
from nameplate.token.verifier import Verifier


def take(message: Message) -> None:
    """Called once for each message, in order. `fresh` means: signed by that unit, and new."""
    verdict = message.verdict
    if verdict.fresh and verdict.claims:
        print(verdict.verdict, verdict.kind, verdict.ueid, dict(verdict.claims), flush=True)
    else:
        print(verdict.verdict, verdict.reason, message.topic, flush=True)


with Feed(sys.argv[2], Verifier(Trust.load(sys.argv[1])), take) as feed:
    feed.wait()
