"""What reaches a user is one clean, bounded sentence, whoever wrote the words in it."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

from vae.cli.main import main
from vae.config.base import ConfigError
from vae.config.schema import DataInfo, ModelConfig
from vae.errors import MAX_SENTENCE, UserError, clean, first_line, printable
from vae.evaluation.saved_bounds import Bound
from vae.runs.metric_lines import parse_line
from vae.runs.run import Run
from vae.runs.status import Status
from vae.runs.watch_notes import why_no_networks

#: What a terminal obeys or a reader does not see, and how it is shown.
ODD = {
    "\x1b[31m": "\\x1b[31m",
    "\x9b2J": "\\x9b2J",
    "\x07": "\\x07",
    "\x00": "\\x00",
    "\x7f": "\\x7f",
    "\u202e": "\\u202e",
    "\u2066": "\\u2066",
    "\u200b": "\\u200b",
    "\ufeff": "\\ufeff",
    "\ud800": "\\ud800",
    "\U000e0041": "\\U000e0041",
    "\n": " ",
    "\r\n\t ": " ",
    "\u2028": " ",
    "\xa0": " ",
}


def is_clean(text: str) -> bool:
    return len(text) <= MAX_SENTENCE and all(char.isprintable() or char in "\u200c\u200d" for char in text)


@pytest.mark.parametrize(("odd", "shown"), ODD.items(), ids=[ascii(odd) for odd in ODD])
def test_a_sentence_shows_what_cannot_be_seen(odd: str, shown: str) -> None:
    assert str(UserError(f"a{odd}b")) == f"a{shown}b"
    assert printable(f"a{odd}b") == f"a{shown}b"


@pytest.mark.parametrize("text", ["β = 4 · −3", "数字", "می‌خواهم", "👩‍👩‍👧", "a  b", "é", ""])
def test_words_of_any_language_stay(text: str) -> None:
    assert clean(text) == text


def test_a_long_sentence_keeps_its_rule_and_its_remedy() -> None:
    said = clean("x must be short, got " + "y" * 10_000 + "; use fewer letters")
    assert len(said) == MAX_SENTENCE
    assert said.startswith("x must be short, got yyy")
    assert said.endswith("yyy; use fewer letters")
    assert clean(said) == said


def test_a_huge_text_costs_no_time() -> None:
    assert is_clean(clean("\x1b" * 50_000_000))


def test_an_error_that_cannot_say_what_it_is_has_a_name() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert clean(Mute()) == "Mute"
    assert first_line(KeyError()) == "KeyError"
    assert first_line(ValueError("\n one\x1b \n two")) == "one\\x1b"


def test_many_problems_of_a_configuration_are_told_as_far_as_they_fit_and_survive_a_pickle() -> None:
    with pytest.raises(ConfigError) as found:
        ModelConfig(latent_dim=0, sigma=-1, hidden="x" * 500, channels=5, activation="\x1b", network=3)  # type: ignore[arg-type]
    assert is_clean(str(found.value))
    assert "more problem" in str(found.value)
    assert len(found.value.problems) == 6
    again = pickle.loads(pickle.dumps(found.value))  # noqa: S301
    assert (str(again), again.problems) == (str(found.value), found.value.problems)
    few = ConfigError(["a must be 1", "b must be 2"])
    assert str(pickle.loads(pickle.dumps(few))) == "a must be 1; b must be 2"  # noqa: S301


# The doors of foreign words -----------------------------------------------------------------------------------------

HOSTILE = "a\x1b[2J\u202eb" + "c" * 900


def test_a_status_a_measurement_and_a_description_are_shown_clean(run_like: dict[str, Any]) -> None:
    assert is_clean(Status.from_dict({"error": HOSTILE}).error or "")
    bound = {"kind": "importance", "step": 1, "log_prob": 0.0, "num_images": 1, "seed": 0, "k": 1}
    bound |= {"effective_median": 1, "effective_min": 1, "warnings": [HOSTILE]}
    assert is_clean(Bound.from_dict(bound).warnings[0])
    info = DataInfo.from_dict({**run_like, "class_names": [HOSTILE, "7"]})
    assert is_clean(info.class_names[0])
    assert len(info.class_names[0]) <= 80
    assert info.class_names[1] == "7"


@pytest.fixture
def run_like(tiny_info: DataInfo) -> dict[str, Any]:
    return tiny_info.to_dict()


def test_a_run_of_somebody_else_is_named_and_refused_in_clean_words(
    trained_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a"
    path.mkdir()
    for name in ("config.json", "status.json"):
        (path / name).write_bytes((trained_run.path / name).read_bytes())
    for name, shown in {
        "safe\u202egnp.exe": "safe\\u202egnp.exe",
        "a\x1b[2Jb": "a",
        "א\u200f": "א\\u200f",
    }.items():
        (path / "name.json").write_text(json.dumps({"name": name}))
        assert Run.open(path).name == shown
    (path / "watch.json").write_text(json.dumps({"problem": HOSTILE}))
    config = json.loads((path / "config.json").read_text())
    config["config"]["model"]["network"] = "external"
    (path / "config.json").write_text(json.dumps(config))
    assert is_clean(why_no_networks(Run.open(path)))
    config["config"]["model"]["activation"] = HOSTILE
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SystemExit):
        main(["evaluate", str(path)])
    said = capsys.readouterr()
    assert said.out == ""
    assert is_clean(said.err.rstrip("\n"))


def test_a_line_of_metrics_with_words_that_are_obeyed_is_none() -> None:
    line = b'{"event":"%s","step":1,"epoch":0,"seconds":0}'
    assert parse_line(line % b"beta") is not None
    assert parse_line(line % b"be\\u001b[2Jta") is None
    assert parse_line(line % b"be\\u202eta") is None
    assert parse_line(line % (b"x" * 5000)) is None


def test_what_the_command_line_prints_is_shown_and_not_obeyed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trained_run: Run
) -> None:
    monkeypatch.setattr("vae.runs.listing.Run.open", lambda path: _named(trained_run, "a\x1b[2Jb"))
    main(["evaluate", str(trained_run.path)])
    assert capsys.readouterr().out.startswith("a\\x1b[2Jb: test, ")
    main(["evaluate", str(trained_run.path), "--json"])
    assert json.loads(capsys.readouterr().out)["split"] == "test"


def _named(run: Run, name: str) -> Run:
    return Run(run.path, run.config, run.info, name, run.created)


def test_a_terminal_of_few_letters_ends_no_command(tmp_path: Path) -> None:
    import subprocess
    import sys

    found = subprocess.run(
        [sys.executable, "-m", "vae", "data", "list", "--root", str(tmp_path / "β")],
        env={"PYTHONIOENCODING": "ascii:strict", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_a_warning_of_a_watched_loop_is_one_clean_sentence() -> None:
    from vae.errors import first_line as used

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warnings.warn(clean(f"says the exporter: {used(RuntimeError(HOSTILE))}"), stacklevel=1)
    assert is_clean(str(found[0].message))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--train.epochs", "a\x1b[2Jb"], "train.epochs"),
        (["\x1b[2J\u202e"], "Unrecognized options"),
        (["train", "--run-dir"], "run-dir"),
        ([], "train, evaluate"),
    ],
)
def test_words_that_mean_no_command_are_one_clean_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as found:
        main(words)
    answer = capsys.readouterr()
    assert (found.value.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    assert is_clean(answer.err.removeprefix("error: ").rstrip("\n"))
    assert said in answer.err
