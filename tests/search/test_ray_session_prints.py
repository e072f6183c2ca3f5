"""What Ray prints is no result: a program that reads our standard output gets JSON and nothing else."""

import contextlib
import sys
from pathlib import Path

import pytest

from fieldmark.errors import UserError
from fieldmark.search.executors.ray_session import RaySession
from fieldmark.store import Store


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


@pytest.mark.parametrize("store", ["runs", "STORE"])
def test_nodes_that_are_not_there_yet_cannot_share_a_folder_of_this_one(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ray.init", lambda **_: None)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    head = {"Alive": True, "NodeID": "a", "Resources": {"CPU": 1.0}}
    monkeypatch.setattr("ray.nodes", lambda: [head])
    monkeypatch.setenv("FIELDMARK_CLUSTER_MAX", "8x(CPU=8)")
    opened = Store.open(store)
    with contextlib.closing(RaySession("10.0.0.1:6379", lambda _: None)) as session:
        if store == "runs":
            session.check_nodes(opened)
        session.nodes()
        with pytest.raises(UserError, match=f"--store {store}: "):
            session.check_nodes(opened)
        session.check_nodes(Store.open(str(tmp_path / "shared")))


def test_workers_have_the_stores_patience_that_the_driver_has(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, object]] = []
    monkeypatch.setattr("ray.init", lambda **how: given.append(how))
    monkeypatch.setattr("ray.shutdown", lambda: None)
    name = "FIELDMARK_STORE_PATIENCE"
    monkeypatch.delenv(name, raising=False)
    RaySession("10.0.0.1:6379", lambda _: None).close()
    monkeypatch.setenv(name, "30")
    RaySession("10.0.0.1:6379", lambda _: None).close()
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", f'{{"runtime_env": {{"env_vars": {{"{name}": "30"}}}}}}')
    RaySession("10.0.0.1:6379", lambda _: None).close()
    assert [how.get("runtime_env") for how in given] == [None, {"env_vars": {name: "30"}}, None]
