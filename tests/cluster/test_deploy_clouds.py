"""deploy/aws.yaml and gcp.yaml: Ray's launcher and the clouds take them, and no cluster that they start is open."""

import copy
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from fieldmark.errors import UserError
from fieldmark.search.cluster.definition import check_store
from fieldmark.search.cluster.node import parse_variables


def _load(root: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "deploy" / name).read_text())
    return loaded


@pytest.fixture(params=["aws", "gcp"])
def cloud(request: pytest.FixtureRequest, root: Path) -> dict[str, Any]:
    return _load(root, f"{request.param}.yaml")


def test_rays_launcher_accepts_the_clouds_files(cloud: dict[str, Any]) -> None:
    from ray.autoscaler._private.util import check_legacy_fields, prepare_config, validate_config

    prepared = prepare_config(copy.deepcopy(cloud))
    validate_config(prepared)
    check_legacy_fields(prepared)
    # Nothing that the launcher's own defaults would do is left in: they start an open cluster with Ray's nightly build.
    commands = [line for key, value in prepared.items() if key.endswith("_commands") for line in value]
    assert not [line for line in commands if "wheels" in line or "0.0.0.0" in line or line.startswith("ray stop")]
    broken = {**prepared, "idle_timeout_minuts": 5}
    with pytest.raises(Exception, match="idle_timeout_minuts"):
        validate_config(broken)


def test_workers_come_with_the_work_and_may_be_taken_away(cloud: dict[str, Any]) -> None:
    head, worker = (cloud["available_node_types"][name] for name in ("head", "worker"))
    assert cloud["head_node_type"] == "head"
    assert (worker["min_workers"], worker["max_workers"]) == (0, cloud["max_workers"])
    assert 0 < cloud["idle_timeout_minutes"] <= 30
    spot = {"aws": ("InstanceMarketOptions", {"MarketType": "spot"}), "gcp": ("provisioningModel", "SPOT")}
    key, value = spot[cloud["provider"]["type"]]
    asked = [{**node["node_config"], **node["node_config"].get("scheduling", {})}.get(key) for node in (head, worker)]
    assert asked == [None, value]


def test_no_open_cluster_is_started(cloud: dict[str, Any]) -> None:
    assert cloud["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    for field in ("head_start_ray_commands", "worker_start_ray_commands"):
        (start,) = (line for line in cloud[field] if "ray start" in line)
        assert cloud[field][0].startswith("test -s ~/.ray/auth_token ||")
        assert start.index("RAY_AUTH_MODE=token") < start.index("ray start")
    assert "--dashboard-host=127.0.0.1" in cloud["head_start_ray_commands"][-1]


def test_the_clouds_files_start_the_same_node_as_cluster_yaml(root: Path, cloud: dict[str, Any]) -> None:
    plain = yaml.safe_load((root / "cluster.yaml").read_text())
    assert cloud["file_mounts"] == plain["file_mounts"]
    for field in ("head_start_ray_commands", "worker_start_ray_commands"):
        assert _settings(cloud[field]) == _settings(plain[field])


def _settings(commands: list[str]) -> set[str]:
    """Returns flags and variables of `ray start`; the older autoscaler is what machines reached by ssh need."""
    start = " ".join(line for line in commands if "ray start" in line).replace(";", " ")
    return set(re.findall(r"(?:--[a-z-]+|[A-Z]\w+)(?:=\S+)?", start)) - {"RAY_enable_autoscaler_v2=0"}


def test_the_store_must_be_filled_in(cloud: dict[str, Any]) -> None:
    (line,) = (line for line in cloud["setup_commands"] if "fieldmark.search.cluster.node" in line)
    arguments = shlex.split(line.partition("fieldmark.search.cluster.node")[2])
    store = arguments[arguments.index("--store") + 1]
    with pytest.raises(UserError, match="not filled in"):
        check_store(store)
    # Nodes know their bucket's region from here alone; gs:// has none.
    region = {"AWS_REGION": cloud["provider"]["region"]} if cloud["provider"]["type"] == "aws" else {}
    assert parse_variables([value for flag, value in pairwise(arguments) if flag == "--env"]) == region


def test_a_colleagues_cluster_is_not_taken_for_ones_own(cloud: dict[str, Any]) -> None:
    assert cloud["cluster_name"] == "fieldmark-YOURNAME"  # to be filled in: Ray finds a cluster by its name alone


def test_aws_nodes_share_a_group_and_do_not_give_credentials_away(root: Path) -> None:
    nodes = [node["node_config"] for node in _load(root, "aws.yaml")["available_node_types"].values()]
    # Ray makes a group that is open to the world for each node type without the line.
    assert [node["SecurityGroupIds"] for node in nodes] == [["sg-FILL-IN"]] * 2
    assert all(node["MetadataOptions"] == {"HttpTokens": "required"} for node in nodes)


def test_google_cloud_nodes_can_boot_and_be_logged_in_to(root: Path) -> None:
    cloud = _load(root, "gcp.yaml")
    for node in (one["node_config"] for one in cloud["available_node_types"].values()):
        zone = cloud["provider"]["availability_zone"]
        assert node["disks"][0]["initializeParams"]["diskType"] == f"zones/{zone}/diskTypes/pd-balanced"
        assert {"key": "enable-oslogin", "value": "FALSE"} in node["metadata"]["items"]  # Ray's keys are in metadata
        (account,) = node["serviceAccounts"]
        assert not account["email"].startswith("ray-autoscaler-sa")  # whose rights are wide


def test_aws_takes_what_its_nodes_are_asked_for_as(root: Path) -> None:
    session = pytest.importorskip("botocore.session", reason="no botocore: the extra 'deploy' (CONTRIBUTING.md)")
    from botocore.validate import validate_parameters

    shape = session.get_session().get_service_model("ec2").operation_model("RunInstances").input_shape
    for node in _load(root, "aws.yaml")["available_node_types"].values():
        asked = {**node["node_config"], "MinCount": 1, "MaxCount": 1}
        validate_parameters(asked, shape)
        with pytest.raises(Exception, match="InstanceTyp"):
            validate_parameters({**asked, "InstanceTyp": "m6i.large"}, shape)


def test_google_cloud_takes_what_its_nodes_are_asked_for_as(root: Path) -> None:
    documents = pytest.importorskip(
        "googleapiclient.discovery_cache", reason="no google-api-python-client: the extra 'deploy' (CONTRIBUTING.md)"
    )
    import json

    folder = Path(documents.__file__).parent / "documents"
    schemas = json.loads((folder / "compute.v1.json").read_text())["schemas"]
    for node in _load(root, "gcp.yaml")["available_node_types"].values():
        assert _unknown(node["node_config"], schemas["Instance"], schemas) == []
    assert _unknown({"machineTyp": "x"}, schemas["Instance"], schemas) == ["machineTyp: unknown"]


def _unknown(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """Names what Google's discovery document has no such field for, or another type."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kinds = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{value!r}: expected {schema['type']}"]
    if isinstance(value, list):
        return [line for one in value for line in _unknown(one, schema["items"], schemas)]
    if not isinstance(value, dict):
        return [] if value in schema.get("enum", [value]) else [f"{value!r}: expected one of {schema['enum']}"]
    known = schema["properties"]
    return [f"{key}: unknown" for key in value if key not in known] + [
        line for key, one in value.items() if key in known for line in _unknown(one, known[key], schemas)
    ]
