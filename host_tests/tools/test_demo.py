"""The newcomer's first command: the story must come true, or say that it did not."""

import json
import os
import subprocess
import sys

from click.testing import CliRunner

from nameplate.cli.demo import command as demo_command
from nameplate.demo import story
from nameplate.demo.screen import Screen
from nameplate.demo.story import Chapter
from nameplate.errors import NameplateError
from nameplate.feed.feed import Feed
from nameplate.feed.judge import Message
from nameplate.token.verdict import Verdict

ONCE = [sys.executable, "-m", "nameplate", "demo", "--once", "--json"]


def test_two_demos_at_once_both_come_true():
    demos = [
        subprocess.Popen(ONCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [demo.communicate(timeout=110) for demo in demos]
    for demo, (output, errors) in zip(demos, told, strict=True):
        assert demo.returncode == 0, errors
        summary = json.loads(output.splitlines()[-1])
        assert summary["came_true"] is True
        assert summary["identity"]["serial"] == "4F7-220918"
        assert {"genuine", "forged", "duplicate", "clone"} <= summary["verdicts"].keys()
        assert summary["verdicts"]["forged"] == 1
        assert set(summary["latency_ms"]) == {"boot_to_console", "probe_to_alarm", "probe_to_verified_event"}
        assert all(latency["simulated"] is True for latency in summary["latency_ms"].values())
        assert summary["latency_ms"]["probe_to_alarm"]["value"] <= 150
        assert all(chapter["seen"] for chapter in summary["chapters"])
    ueids = {json.loads(output.splitlines()[-1])["identity"]["ueid"] for output, _ in told}
    assert len(ueids) == 2


def test_a_story_whose_attack_never_arrives_does_not_come_true(monkeypatch):
    def lost(*_: object) -> None:
        monkeypatch.setattr(story, "PATIENCE_S", 0.5)  # nothing comes, however long it is waited for

    monkeypatch.setattr(Feed, "publish_raw", lost)
    played = CliRunner().invoke(demo_command, ["--once", "--json"], standalone_mode=False)
    assert isinstance(played.exception, NameplateError)
    assert played.exception.exit_code == 1
    summary = json.loads(played.stdout.splitlines()[-1])
    assert summary["came_true"] is False
    assert "one byte" in summary["error"]
    assert [bool(chapter["seen"]) for chapter in summary["chapters"]] == [True, True, True, False]


def test_the_screen_shows_the_feed_the_story_and_what_to_type():
    from rich.console import Console

    screen = Screen(Console(width=130, height=36), ["nameplate read"])
    screen.show_message(
        Message(0.0, "nameplate/1/1/x/event", b"", False, Verdict("forged", "alg-none", "not \x1b[2J signed"))
    )
    chapter = Chapter("Water runs.", "an event")
    screen.show_chapter(chapter)
    chapter.seen = "alarm after 50 ms"
    screen.show_chapter(chapter)
    drawn = screen.picture().replace("&#160;", " ")
    for text in ("forged", "Water runs.", "alarm after 50 ms", "nameplate read", "simulated"):
        assert text in drawn
    assert "\x1b" not in drawn
    assert "@font-face" not in drawn


def test_a_picture_needs_the_live_screen():
    asked = subprocess.run(
        [*ONCE, "--picture", "x.svg"], capture_output=True, text=True, timeout=60, check=False
    )
    assert asked.returncode == 2
    assert "--picture" in asked.stderr


def test_a_demo_that_is_terminated_leaves_nothing_running(tmp_path):
    demo = subprocess.Popen(
        ONCE[:-1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert demo.stderr is not None
    while "plugged in" not in demo.stderr.readline():
        assert demo.poll() is None
    assert list(tmp_path.glob("nameplate-broker-*"))
    demo.terminate()
    assert demo.wait(60) == 143
    assert not list(tmp_path.glob("nameplate-broker-*"))
    assert not list(tmp_path.glob("nameplate-demo-*"))
