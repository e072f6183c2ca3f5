"""What Ray prints is no result: a program that reads our standard output gets JSON and nothing else."""

import sys

import pytest

from fieldmark.errors import UserError
from fieldmark.search.executors.ray_session import RaySession


def test_while_ray_is_joined_prints_go_to_standard_error_and_afterwards_no_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ray.init", lambda **_: print("(raylet) joined"))
    monkeypatch.setattr("ray.shutdown", lambda: print("(raylet) a worker died"))
    session = RaySession("10.0.0.1:6379", lambda _: None)
    session.close()
    print("{}")
    assert capsys.readouterr().out == "{}\n"


def test_a_cluster_that_cannot_be_joined_leaves_standard_output_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr("ray.init", refuse)
    before = sys.stdout
    with pytest.raises(UserError, match="nobody there"):
        RaySession("10.0.0.1:6379", lambda _: None)
    assert sys.stdout is before
