"""What `ray start --head` has no flag for; Ray calls it where RAY_START_HOOK names it."""

import json
from pathlib import Path
from typing import Any


def configure(ray_params: Any, head: bool) -> None:
    """Binds the head to the address that the cluster's file gives it, and leaves Ray's client server out.

    A machine with several networks would otherwise be found by the address of its default route; and the client server
    is a port that nothing of ours uses.

    Args:
        ray_params: Ray's parameters of the node, changed in place.
        head: whether it is the head.
    """
    if not head:
        return
    ray_params.ray_client_server_port = None
    if ray_params.autoscaling_config:
        provider = json.loads(Path(ray_params.autoscaling_config).expanduser().read_text())["provider"]
        if "head_ip" in provider:  # a cloud's launcher knows no address before
            ray_params.node_ip_address = provider["head_ip"]
