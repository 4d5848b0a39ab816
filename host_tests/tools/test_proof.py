"""`make proof`: a claim that is not true is shown to be false, and the claims are those of README.md, all of them."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from nameplate.cli.main import run as run_cli
from nameplate.errors import NameplateError
from nameplate.proof import document
from nameplate.proof.claims import load, not_said, unlisted
from nameplate.proof.prove import prove

ROOT = Path(__file__).resolve().parents[2]
README = "# Thing\n\nIt flies. It is [red](docs/red.md).\n\n```\nthing fly   # in the air\n```\n\n## Documents\n\nIt sings.\n"
FLIES = 'id = "flies"\nsays = "It flies."\n'
PLAIN = "plain = ['It is [red](docs/red.md).', 'thing fly # in the air']\n"


def checkout(folder: Path, claims: str, readme: str = README, plain: str = PLAIN) -> Path:
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "README.md").write_text(readme)
    (folder / "docs/proof.toml").write_text(
        plain + "".join(f"[[claim]]\n{claim}\n" for claim in claims.split("\n--\n"))
    )
    return folder


def proved(folder: Path, claim: str, *names: str) -> tuple[list[str], str]:
    """The claims that failed, and docs/proof.md."""
    failed = prove(checkout(folder, claim), names)
    return failed, (folder / "docs/proof.md").read_text()


def test_what_readme_says_is_listed_and_what_is_listed_it_says() -> None:
    book = load(ROOT)
    readme = (ROOT / "README.md").read_text()
    assert not_said(book, readme) == []
    assert unlisted(book, readme) == []
    assert len(book.claims) >= 10


def test_every_claim_of_readme_runs_something_that_is_there() -> None:
    targets = {
        line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ":  ##" in line
    }
    for claim in load(ROOT).claims:
        assert claim.json or claim.contains, f"{claim.id} would be proved by any command that ends well"
        for words in (part.split() for part in claim.command.split("&&")):
            assert words[0] in ("make", "nameplate", "python"), claim.id
            if words[0] == "make":
                assert words[1] in targets, claim.id
            for word in words:
                assert not word.startswith("host_tests/") or (ROOT / word).is_file(), word
            if "pytest" in words or words[:2] == ["make", "test"]:
                assert "skipped" in claim.lacks, f"{claim.id}: a test that is skipped proves nothing"


def test_the_page_in_the_checkout_is_what_its_outcomes_say() -> None:
    book = load(ROOT)
    assert (ROOT / "docs/proof.md").read_text() == document.page(book, document.read(ROOT))


def test_a_true_claim_is_proved_and_shown_with_command_and_output(tmp_path: Path) -> None:
    failed, page = proved(tmp_path, FLIES + "command = \"printf 'one\\n\\ntwo\\n'\"\ncontains = ['two']")
    assert failed == []
    assert "| [flies](#flies) | proved | 2" in page
    assert "> It flies.\n\n```\n$ printf 'one" in page
    assert "\none\ntwo\n```\n\n**proved**, 2" in page


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ('command = "false"', "it ended with 1, not with 0"),
        ('command = "true"\nexit = 1', "it ended with 0, not with 1"),
        ('command = "echo well"\ncontains = ["fine"]', "it does not say 'fine'"),
        ('command = "echo 3 passed, 1 skipped"\nlacks = ["skipped"]', "it says 'skipped'"),
        ('command = "no-such-command-here"', "there is no such command"),
        ('command = "sleep 60"\ntimeout_s = 0.2', "it did not end within 0.2 s"),
        ('command = "kill -9 $$"', "it ended with -9"),
        ("command = \"echo '{\\\"a\\\":1}'\"\njson = [{path = 'b', at_most = 2}]", "it gives no b"),
        ("command = \"echo 'a: 1'\"\njson = [{path = 'a', at_most = 2}]", "it gives no a"),
        ("command = \"echo '{\\\"a\\\":3}'\"\njson = [{path = 'a', at_most = 2}]", "a is 3, more than 2"),
        (
            "command = \"echo '{\\\"a\\\":true}'\"\njson = [{path = 'a', at_most = 2}]",
            "a is True, more than 2",
        ),
        ("command = \"echo '{\\\"a\\\":1}'\"\njson = [{path = 'a', at_least = 2}]", "a is 1, less than 2"),
        ("command = \"echo '{\\\"a\\\":1}'\"\njson = [{path = 'a', equals = true}]", "a is 1, not True"),
        (
            'command = \'echo "{\\"m\\":\\"x\\",\\"v\\":[{\\"n\\":1}]}"; echo "{\\"m\\":\\"x\\",\\"v\\":[{\\"n\\":9}]}"\'\n'
            "json = [{where = {m = 'x'}, path = 'v.0.n', at_most = 2}]",
            "x v.0.n is 9, more than 2",
        ),
    ],
)
def test_a_false_claim_is_shown_as_failed_and_why(tmp_path: Path, rest: str, why: str) -> None:
    failed, page = proved(tmp_path, FLIES + rest)
    assert failed == ["flies"]
    assert "| [flies](#flies) | FAILED | 2" in page
    assert why in page


def test_a_failure_shows_what_the_command_complained_of(tmp_path: Path) -> None:
    _, page = proved(tmp_path, FLIES + "command = 'echo said; echo complained >&2; exit 3'")
    assert "\nsaid\ncomplained\n" in page


def test_figures_are_shown_with_their_limits(tmp_path: Path) -> None:
    claim = FLIES + "command = \"echo '{\\\"ms\\\":74}'\"\njson = [{path = 'ms', at_most = 150}]"
    assert "- ms: 74 (at most 150)" in proved(tmp_path, claim)[1]


def test_what_steers_a_terminal_or_ends_the_block_does_not_reach_the_page(tmp_path: Path) -> None:
    printed = b"\x1b[2J\x1b]0;title\x07red\r\nback\b\b\0 \xe2\x80\xaemirrored\n```\n# not a heading\xff\n"
    (tmp_path / "said.txt").write_bytes(printed)
    _, page = proved(tmp_path, FLIES + "command = 'cat said.txt'")
    block = page.partition("## flies")[2]
    assert "red\nback mirrored\n'''\n# not a heading" in block
    assert all(character == "\n" or character.isprintable() for character in page)
    assert page.count("```") % 2 == 0


def test_nothing_of_this_machine_and_no_secret_reaches_the_page(tmp_path: Path) -> None:
    root = tmp_path / "place"
    root.mkdir()
    secret = (
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n"
        f"at {root}/docs and {Path.home()}/x and /var/lib/thing/deep.txt on {socket.gethostname()}\n"
        '{"wifi_psk": "correct-horse", "token":"eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln"}\npassword=hunter2\n'
    )
    (root / "said.txt").write_text(secret)
    _, page = proved(root, FLIES + "command = 'cat said.txt'")
    assert "[a private key]\nat ./docs and ~/x and .../deep.txt on " in page
    for hidden in (
        "MIGH",
        str(tmp_path),
        str(Path.home()) + "/",
        "/var/lib",
        "correct-horse",
        "eyJhIjox",
        "hunter2",
    ):
        assert hidden not in page
    if socket.gethostname() != "localhost":
        assert f" on {socket.gethostname()}" not in page


def test_the_others_keep_their_outcome_and_a_changed_claim_is_not_proved_any_more(tmp_path: Path) -> None:
    two = FLIES + "command = 'echo a'\n--\nid = 'red'\nsays = 'It is [red](docs/red.md).'\ncommand = 'echo b'"
    plain = "plain = ['thing fly # in the air']\n"
    prove(checkout(tmp_path, two, plain=plain))
    assert prove(checkout(tmp_path, two.replace("echo a", "echo c"), plain=plain), ["red"]) == []
    page = (tmp_path / "docs/proof.md").read_text()
    assert "| [flies](#flies) | not proved | 2" in page
    assert "the claim has changed since" in page
    assert "| [red](#red) | proved | 2" in page
    assert "> It is [red](../docs/red.md)." in page


def test_a_claim_that_was_never_run_is_there_and_not_proved(tmp_path: Path) -> None:
    two = (
        FLIES
        + "command = 'true'\nslow = true\n--\nid = 'red'\nsays = 'It is [red](docs/red.md).'\ncommand = 'true'"
    )
    prove(checkout(tmp_path, two, plain="plain = ['thing fly # in the air']\n"), quick=True)
    page = (tmp_path / "docs/proof.md").read_text()
    assert "| [flies](#flies) | not proved | never |" in page
    assert "it has not been run" in page


def test_one_command_of_two_claims_runs_once(tmp_path: Path) -> None:
    two = (
        FLIES
        + "command = 'echo x >> ran'\n--\nid = 'red'\nsays = 'It is [red](docs/red.md).'\ncommand = 'echo x >> ran'"
    )
    told: list[str] = []
    prove(checkout(tmp_path, two, plain="plain = ['thing fly # in the air']\n"), tell=told.append)
    assert (tmp_path / "ran").read_text() == "x\n"
    assert told[0] == "1 of 2, flies: echo x >> ran"
    assert told[1].startswith("flies: proved")


@pytest.mark.parametrize(
    ("claims", "readme", "why"),
    [
        (
            FLIES.replace("flies.", "swims.") + "command = 'true'",
            README,
            "does not say .any more.: It swims.",
        ),
        (
            FLIES + "command = 'true'",
            README.replace("It flies.", "It flies. It dives."),
            "does not list: It dives.",
        ),
        (FLIES, README, "flies: has no command"),
        (FLIES + "command = 'true'\nproof = 1", README, "flies: has proof, which means nothing"),
        (FLIES + "command = 'true'\n--\n" + FLIES + "command = 'true'", README, "flies: is there twice"),
        (FLIES + "command = 'true'\njson = [{path = 'a'}]", README, "is not one of"),
        (FLIES + "command = 'true'\njson = [{path = 'a', where = {}}]", README, "limits nothing"),
        (FLIES + "command = ", README, "proof.toml"),
    ],
)
def test_a_book_that_is_not_right_is_refused(tmp_path: Path, claims: str, readme: str, why: str) -> None:
    with pytest.raises(NameplateError, match=why):
        prove(checkout(tmp_path, claims, readme))
    assert not (tmp_path / "docs/proof.md").exists()


def test_outcomes_that_are_none_are_refused(tmp_path: Path) -> None:
    root = checkout(tmp_path, FLIES + "command = 'true'")
    (root / "docs/proof.json").write_text('{"flies": {"verdict": "proved"}}')
    with pytest.raises(NameplateError, match="prove all claims again|proof.json"):
        prove(root)


def test_the_verb_ends_with_1_and_says_which_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = checkout(tmp_path, FLIES + "command = 'false'")
    monkeypatch.setattr("nameplate.factory.sources.device_root", lambda: root)
    assert run_cli(["proof"]) == 1
    assert "not borne out: flies" in capsys.readouterr().err
    assert run_cli(["proof", "--list"]) == 0
    assert "flies        FAILED" in capsys.readouterr().out
    assert run_cli(["proof", "sings"]) == 2
    assert "there is no claim 'sings'" in capsys.readouterr().err
    assert json.loads((root / "docs/proof.json").read_text())["flies"]["faults"]


def test_make_proof_calls_it() -> None:
    done = subprocess.run(
        ["make", "-n", "proof", "ARGS=demo"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert "nameplate proof demo" in done.stdout
