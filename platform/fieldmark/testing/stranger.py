"""A stranger on the network: finds every open TCP port of some hosts, and calls all that it can there without a token.

`python -m fieldmark.testing.stranger ADDRESS...` prints `{address: {port: answer}}` as JSON. It calls Ray's methods for
real, also those that end things: only for clusters of our own.
"""

import asyncio
import http.client
import importlib
import json
import pkgutil
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

PORTS = range(1, 65536)
AT_ONCE = 500
CONNECT_S = 3.0
CALL_S = 3.0
HEALTH = "/grpc.health.v1.Health/Check"
# Ray ships no Python description of its object manager; the names are in its source, object_manager.proto.
MORE_METHODS = (HEALTH, *(f"/ray.rpc.ObjectManagerService/{name}" for name in ("Push", "Pull", "FreeObjects")))
PATHS = (
    *(
        "/",
        "/metrics",
        "/api/healthz",
        "/api/local_raylet_healthz",
        "/api/version",
        "/api/jobs/",
        "/api/cluster_status",
    ),
    *("/nodes?view=summary", "/api/v0/logs", "/logs", "/api/job_agent/jobs/", "/get_or_create_runtime_env"),
    *("/api/authentication_mode", "/log_proxy", "/api/actors", "/events", "/api/ray/status"),
)


async def scan(address: str) -> list[int]:
    """Returns the TCP ports of a host that accept a connection."""
    found = []
    for first in range(PORTS.start, PORTS.stop, AT_ONCE):
        ports = range(first, min(first + AT_ONCE, PORTS.stop))
        found += [port for port, is_open in zip(ports, await _knock(address, ports), strict=True) if is_open]
    return found


async def _knock(address: str, ports: range) -> list[bool]:
    async def knock(port: int) -> bool:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_S)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    return await asyncio.gather(*(knock(port) for port in ports))


def ask(address: str, port: int) -> dict[str, Any]:
    """Returns what a port answers to one without a token.

    `protocol` is ssh, http, grpc or other. `answered` are the paths or methods that were not refused, `refused` is how
    many were, with how.
    """
    banner = _banner(address, port)
    if banner.startswith(b"SSH-"):
        return {"protocol": "ssh", "answered": [], "refused": {}}
    if _get(address, port, PATHS[0]) is not None:
        statuses = {path: status for path in PATHS if (status := _get(address, port, path))}
        refused = {str(code): list(statuses.values()).count(code) for code in (401, 403) if code in statuses.values()}
        answered = [path for path, status in statuses.items() if status not in (401, 403)]
        return {"protocol": "http", "answered": answered, "refused": refused}
    return _call_all(address, port)


def _banner(address: str, port: int) -> bytes:
    try:
        with socket.create_connection((address, port), timeout=CONNECT_S) as connection:
            connection.settimeout(0.5)
            return connection.recv(16)
    except OSError:
        return b""


def _get(address: str, port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(address, port, timeout=CALL_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException, UnicodeDecodeError):
        return None
    finally:
        connection.close()


def _call_all(address: str, port: int) -> dict[str, Any]:
    """Calls every method of every service of Ray's with an empty message."""
    import grpc  # type: ignore[import-untyped]

    with grpc.insecure_channel(f"{address}:{port}") as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=CALL_S)
        except grpc.FutureTimeoutError:
            return {"protocol": "other", "answered": [], "refused": {}}
        codes = {method: _call(channel, method) for method in (*_methods(), *MORE_METHODS)}
    refused = sum(code == "UNAUTHENTICATED" for code in codes.values())
    answered = [
        f"{method} {code}" for method, code in codes.items() if code not in ("UNAUTHENTICATED", "UNIMPLEMENTED")
    ]
    return {"protocol": "grpc", "answered": answered, "refused": {"UNAUTHENTICATED": refused}}


def _call(channel: Any, method: str) -> str:
    import grpc

    plain = {"request_serializer": bytes, "response_deserializer": bytes}
    try:
        # As a stream it fits streaming methods, too; on the wire a call of one message is the same.
        next(channel.stream_stream(method, **plain)(iter([b""]), timeout=CALL_S), None)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


@cache
def _methods() -> tuple[str, ...]:
    import ray.core.generated

    found = set()
    for module in pkgutil.iter_modules(ray.core.generated.__path__):
        if module.name.endswith("_pb2"):
            described = importlib.import_module(f"ray.core.generated.{module.name}").DESCRIPTOR
            for service in described.services_by_name.values():
                found |= {f"/{service.full_name}/{method.name}" for method in service.methods}
    return tuple(sorted(found))


def main() -> None:
    """Runs as a program."""
    found: dict[str, dict[int, Any]] = {}
    for address in sys.argv[1:]:
        ports = asyncio.run(scan(address))
        with ThreadPoolExecutor(4) as pool:
            found[address] = dict(zip(ports, pool.map(lambda port, at=address: ask(at, port), ports), strict=True))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
