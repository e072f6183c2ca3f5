"""What an autoscaling cluster could grow to: nodes that are started when something waits for them.

Open Ray keeps no record of it that a driver can ask for, but where an autoscaler of its launcher runs, that has read
its configuration from a file on the head, where `ray submit` runs the driver, too. Elsewhere, as under KubeRay, the
environment says it, node by node: FIELDMARK_CLUSTER_MAX.
"""

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldmark.errors import UserError

VARIABLE = "FIELDMARK_CLUSTER_MAX"
BOOTSTRAP = "~/ray_bootstrap_config.yaml"
MOST_NODES = 10_000
EXAMPLE = "8x(CPU=8,GPU=1)"
_ALIKE = re.compile(r"(\d+)x\(([^()]+)\)")
_RESOURCE = re.compile(r"(\w+)=(\d+(?:\.\d+)?)")

Nodes = Sequence[Mapping[str, float]]
"""Resources of each node."""


def could_have(nodes: Sequence[Mapping[str, Any]], environment: Mapping[str, str] = os.environ) -> Nodes:
    """Returns the nodes that the joined cluster could have; empty where it does not grow, as far as is known.

    Args:
        nodes: as `ray.nodes()` gives them.
        environment: of this process.

    Raises:
        UserError: for a bad FIELDMARK_CLUSTER_MAX.
    """
    if text := environment.get(VARIABLE):
        return parse_maximum(text)
    import ray
    from ray._private import state

    with contextlib.suppress(Exception):  # a private way; some distributions of Ray fill it in
        told = state.state.get_max_resources_from_cluster_config()
        if told:
            return [{kind: float(count) for kind, count in told.items()}]
    heads = [node["NodeID"] for node in nodes if node["Alive"] and "node:__internal_head__" in node["Resources"]]
    if ray.get_runtime_context().get_node_id() not in heads:
        return []
    return read_bootstrap(Path(BOOTSTRAP).expanduser())


def parse_maximum(text: str) -> Nodes:
    """Returns the nodes of e.g. ``8x(CPU=8,GPU=1)+2x(CPU=64)``: a total alone would not say what fits on one of them.

    Raises:
        UserError: for anything else.
    """
    found: list[Mapping[str, float]] = []
    for part in text.replace(" ", "").split("+"):
        alike = _ALIKE.fullmatch(part)
        resources = [_RESOURCE.fullmatch(one) for one in alike[2].split(",")] if alike is not None else [None]
        node = {one[1]: float(one[2]) for one in resources if one is not None}
        if alike is None or len(node) < len(resources) or not 1 <= int(alike[1]) <= MOST_NODES:
            raise UserError(
                f"{VARIABLE} {text!r}: expected the nodes that the cluster can grow to, such as {EXAMPLE}, "
                f"several shapes joined by +; a total does not say what fits on one node"
            )
        found += [node] * int(alike[1])
    return found


def read_bootstrap(file: Path) -> Nodes:
    """Returns the nodes that a launcher's configuration allows; none of a fixed list of machines, or without a file."""
    import yaml

    try:
        config = yaml.safe_load(file.read_text())
        types = config["available_node_types"]
        most, fixed = int(config.get("max_workers", 0)), config["provider"]["type"] == "local"
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return []
    found: list[Mapping[str, float]] = []
    for name, kind in types.items():
        resources = kind.get("resources") or {}
        if fixed or not (resources.get("CPU") or resources.get("GPU")):
            continue
        count = 1 if name == config.get("head_node_type") else min(int(kind.get("max_workers", most)), most)
        found += [{one: float(number) for one, number in resources.items()}] * min(count, MOST_NODES)
    return found if len(found) > 1 else []
