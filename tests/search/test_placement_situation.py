"""What a person is told of a cluster on which something waits."""

import json

from fieldmark.search.executors.situation import Holder, Node, Situation, holders_of, starting_of, words_of

ONE = {"CPU": 1.0}


def node(name: str, cpus: float = 4, free: float = 0, gpus: float = 0, *, alive: bool = True) -> Node:
    reason = "" if alive else "missed too many heartbeats"
    return Node(name=name, alive=alive, total={"CPU": cpus, "GPU": gpus}, free={"CPU": free}, reason=reason)


def test_it_says_who_is_there_who_is_not_and_who_holds_what() -> None:
    other = Holder(who="job 02 (python other.py)", ours=False, held={"CPU": 3}, waits_for=[ONE, ONE])
    found = Situation(nodes=[node("a", gpus=2), node("b", alive=False)], holders=[other]).words()
    assert found == (
        "1 node(s) are there, with 4 CPUs of which 0 are free, 2 GPUs of which 0 are free; "
        "b is dead (missed too many heartbeats); "
        "job 02 (python other.py) holds 3 CPUs and waits for 2 time(s) 1 CPU"
    )


def test_each_cause_has_its_advice() -> None:
    dead, full = node("b", 8, alive=False), node("a")
    others = [Holder(who="job 02", ours=False, held={"CPU": 4})]
    ours = [Holder(who="this command", ours=True, held={"CPU": 4})]
    assert "wait for job 02 to end" in Situation(nodes=[full], holders=[*ours, *others]).advice(ONE)
    assert "start Ray on b again, or add a node with 6 CPUs" in Situation(nodes=[full, dead]).advice({"CPU": 6})
    assert Situation(nodes=[full]).advice({"CPU": 1, "GPU": 1}) == "add a node with 1 CPU and 1 GPU: none has that much"
    assert "being started" in Situation(nodes=[full], starting=["1 worker"]).advice({"CPU": 9})
    assert "wait for what is under way" in Situation(nodes=[full], holders=ours).advice(ONE)
    assert "Ray is starting it" in Situation(nodes=[node("a", free=2)]).advice(ONE)


def test_groups_and_actors_are_added_up_by_the_job() -> None:
    bundles = [{"unit_resources": {"CPU": 1.0, "GPU": 0.25}}] * 2
    groups = [
        {"creator_job_id": "02", "state": "CREATED", "bundles": bundles},
        {"creator_job_id": "01", "state": "PENDING", "bundles": bundles[:1]},
        {"creator_job_id": "03", "state": "REMOVED", "bundles": bundles},
    ]
    actors = [
        {"job_id": "02", "required_resources": {"CPU": 2.0}},
        {"job_id": "02", "required_resources": {"CPU_group_0_abc": 1.0}},
        {"job_id": "04", "required_resources": None},
    ]
    first, second = holders_of(groups, actors, {"02": "job 02 (python x.py)"}, "01")
    assert (first.who, first.ours, words_of(first.waits_for[0])) == ("this command", True, "1 CPU and 0.25 GPUs")
    assert (second.who, words_of(second.held)) == ("job 02 (python x.py)", "4 CPUs and 0.5 GPUs")


def test_both_autoscalers_are_understood() -> None:
    report = {"pending_launches": {"worker": 2}, "pending_nodes": [["10.0.0.7", "spot", "setting-up"]]}
    assert starting_of(json.dumps({"autoscaler_report": report})) == ["2 worker", "spot at 10.0.0.7"]
    assert starting_of(None) == starting_of(b"{}") == []
