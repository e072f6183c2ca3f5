"""A remote store that fails for a while, over real HTTP: a small server that speaks enough of S3."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fieldmark.errors import UserError
from fieldmark.store.objects import Objects
from fieldmark.store.patience import Patience


class Bucket(ThreadingHTTPServer):
    """Objects by path, and the answers with which the next requests fail."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.objects, self.failures, self.after_the_work, self.requests = {}, [], False, 0


class Answer(BaseHTTPRequestHandler):
    """Puts (once, where asked) and gets."""

    def log_message(self, *_):
        """Says nothing."""

    def do_PUT(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        bucket = self.server
        failure = self._next_failure()
        taken = self.headers.get("If-None-Match") == "*" and self.path in bucket.objects
        if not taken and (failure is None or bucket.after_the_work):
            bucket.objects[self.path] = data
        self._say(failure or (412 if taken else 200))

    def do_GET(self):
        failure = self._next_failure()
        data = self.server.objects.get(self.path)
        if failure or data is None:
            self._say(failure or 404)
        else:
            self._say(200, data)

    def _next_failure(self):
        self.server.requests += 1
        return self.server.failures.pop(0) if self.server.failures else None

    def _say(self, status, data=b""):
        self.send_response(status)
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def bucket(monkeypatch):
    server = Bucket()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def objects(bucket):
    return Objects("s3://bucket/store", patience=Patience(300, sleep=lambda _: None, say=lambda _: None))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(bucket, objects, status):
    bucket.failures = [status] * 5
    assert objects.put_once("key", b"mine")
    bucket.failures = [status] * 5
    assert objects.get("key") == b"mine"


def test_a_write_that_was_done_and_answered_with_an_error_is_ours(bucket, objects):
    bucket.after_the_work, bucket.failures = True, [503]
    assert objects.put_once("key", b"mine")
    assert not objects.put_once("key", b"other")
    assert bucket.requests == 5  # put, put again, look whose it is; put, look whether it is there


def test_a_conflict_that_nobody_won_is_tried_again(bucket, objects):
    bucket.failures = [409]
    assert objects.put_once("key", b"mine")
    assert objects.get("key") == b"mine"


@pytest.mark.parametrize("status", [400, 401, 403, 501])
def test_what_will_not_pass_is_asked_once_and_told(bucket, objects, status):
    bucket.failures = [status] * 2
    with pytest.raises(UserError, match=f"store/key: cannot write: .*{status}") as told:
        objects.put("key", b"x")
    assert ("AWS_REGION" in str(told.value)) == (status < 500), "a server's own trouble is not mended here"
    assert bucket.requests == 1


@pytest.mark.parametrize(
    ("url", "named"),
    [("s3://bucket/runs", "AWS_REGION"), ("gs://bucket/runs", "GOOGLE_"), ("az://box/runs", "AZURE_STORAGE_ACCOUNT")],
)
def test_a_bucket_that_cannot_be_reached_says_what_to_set_and_where(url, named, monkeypatch):
    for name in [one for one in os.environ if one.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent")
    with pytest.raises(
        UserError, match=f"^{url}.*: cannot .*; set {named}.* on every node .*A bucket as store"
    ) as told:
        Objects(url, patience=Patience(0, say=lambda _: None)).get("FORMAT")
    assert "\n" not in str(told.value)
