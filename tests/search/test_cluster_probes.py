"""What a cluster's nodes are asked, asked here; and a stranger who knocks at an open port sees that it is open."""

import http.server
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from fieldmark.errors import UserError
from fieldmark.search.cluster import probes, together
from fieldmark.search.cluster.check import CheckOptions, check_cluster
from fieldmark.testing.stranger import ask


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("0.0.0.0", 0)) as server:
        yield server.getsockname()[1]


def test_ports_are_seen_by_their_owner_and_tried_by_others(listener: int) -> None:
    closed = together.free_port()
    assert listener in probes.listening()
    assert closed not in probes.listening()
    assert probes.connect([("127.0.0.1", listener), ("127.0.0.1", closed)], 2.0) == ["", "connection refused"]


def test_a_firewall_that_drops_is_told_from_a_port_that_nobody_opened(listener: int) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(3)]  # as many as it takes until the kernel drops what more knock
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    try:
        assert probes.connect([full.getsockname()], 0.3) == ["no answer within 0.3 s"]
    finally:
        for one in (*waiting, full):
            one.close()


def test_disks_memory_and_gpus_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559, 580.95.05'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "not" / "yet"))
    found = probes.machine({"store": str(tmp_path)}, str(tmp_path))
    assert found["gpus"] == [{"name": "NVIDIA H100 80GB HBM3", "memory": 81559 * 2**20, "driver": "580.95.05"}]
    assert [disk["what"] for disk in found["disks"]] == ["store", "Ray's files", "cache"]
    assert found["disks"][2]["free"] > 0, "of the file system that it will lie on"
    assert 0 < found["memory_free"] < found["memory_total"]


def test_a_store_is_written_and_what_is_not_in_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldmark.store import Store

    monkeypatch.setenv("FIELDMARK_STORE_PATIENCE", "0")  # as the probe sets it for its own process
    url = str(tmp_path / "runs")
    assert "no such folder" in together.write_store(url, "probe-1")
    Store.open(url)
    assert together.write_store(url, "probe-1") == ""
    assert together.read_store(url, ["probe-1", "probe-2"]) == ["probe-2"]


def test_data_that_cannot_be_read_is_a_line_not_a_crash(tmp_path: Path) -> None:
    assert "no such file" in together.read_data(f"table:{tmp_path}/nothing.csv")["problem"]


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_stranger_sees_what_http_answers() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = ask("127.0.0.1", server.server_address[1])
        server.shutdown()
    assert found["protocol"] == "http"
    assert found["answered"] == ["/metrics"]
    assert found["refused"]["401"] > 5


class _Calls(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
            if not details.method.endswith("/PushTask"):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")
            return b""

        return grpc.unary_unary_rpc_method_handler(answer) if "CoreWorkerService" in details.method else None


def test_a_stranger_sees_what_grpc_answers() -> None:
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_Calls(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    found = ask("127.0.0.1", port)
    server.stop(None)
    assert found["protocol"] == "grpc"
    assert found["answered"] == ["/ray.rpc.CoreWorkerService/PushTask OK"]
    assert found["refused"]["UNAUTHENTICATED"] > 5


@pytest.mark.parametrize(
    ("address", "said"),
    [("auto", "no Ray cluster on this machine"), ("here", "expected HOST:PORT"), ("127.0.0.1:1", "connection refused")],
)
def test_a_cluster_that_is_not_there_is_told_at_once(
    address: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UserError, match=said):
        check_cluster(CheckOptions(address=address), lambda _: None)
