"""Waits on the head until machines have joined its cluster, and prints the addresses that have not, as JSON.

`python -m fieldmark.search.cluster.joined SECONDS ADDRESS...`
"""

import json
import logging
import sys
import time

INTERVAL = 1.0


def wait_for(hosts: set[str], seconds: float) -> set[str]:
    """Returns those of the addresses that have not joined the cluster of RAY_ADDRESS within so many seconds."""
    import ray

    ray.init(logging_level=logging.ERROR, log_to_driver=False)
    deadline = time.monotonic() + seconds
    missing = set(hosts)
    while missing:
        for host in sorted(missing & {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}):
            print(f"{host} has joined", file=sys.stderr, flush=True)
            missing.discard(host)
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(INTERVAL)
    ray.shutdown()
    return missing


def main() -> int:
    """Runs as a program; exit code 0 when it has looked, whatever it saw."""
    missing = wait_for(set(sys.argv[2:]), float(sys.argv[1]))
    print(json.dumps(sorted(missing)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
