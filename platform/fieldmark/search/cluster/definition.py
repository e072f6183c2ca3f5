"""Reads the file of a cluster of machines that are reached by ssh, and refuses one that is not filled in or open."""

import ipaddress
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.errors import UserError

TOKEN = "~/.ray/auth_token"
GCS_PORT = 6379
LONGEST = 120
"""Characters of a wrong value that a message shows."""
PLACEHOLDERS = ("HEAD", "WORKER", "STORE")


@dataclass(frozen=True, slots=True)
class ClusterFile:
    """What our commands need of a cluster.yaml; Ray reads the file itself."""

    path: Path
    name: str
    head: str
    """IPv4 address by which the cluster's machines reach the head."""
    workers: tuple[str, ...]
    user: str
    key: Path | None
    """Private key for ssh; None: whatever ssh finds."""
    proxy: str | None
    """ssh's ProxyCommand, or None."""
    store: str
    """Results store that every machine reaches."""
    reached_at: str
    """Address by which this machine reaches the head; mostly the same."""

    @classmethod
    def read(cls, path: Path) -> "ClusterFile":
        """Reads and checks it.

        Raises:
            UserError: naming the file and the field.
        """
        fields = _Fields(path, load(path))
        provider = fields.at("provider", dict)
        if provider.get("type") != "local":
            raise fields.wrong("provider.type", provider.get("type"), "local (machines reached by ssh)")
        auth = fields.at("auth", dict)
        user = auth.get("ssh_user")
        if not isinstance(user, str) or not user:
            raise fields.wrong("auth.ssh_user", user, "the name to log in by")
        fields.check_token()
        head = fields.address("provider.head_ip", provider.get("head_ip"))
        return cls(
            path=path.resolve(),
            name=str(fields.at("cluster_name", str)),
            head=head,
            workers=fields.addresses(provider.get("worker_ips"), head),
            user=user,
            key=fields.key(auth.get("ssh_private_key")),
            proxy=auth.get("ssh_proxy_command"),
            store=fields.store(),
            reached_at=str(provider.get("external_head_ip") or head),
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """Addresses of all machines, the head first."""
        return (self.head, *self.workers)

    @property
    def gcs(self) -> str:
        """Address of Ray's control store."""
        return f"{self.head}:{GCS_PORT}"


def shorten(text: str) -> str:
    """Returns a text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 4]} ..."


def load(path: Path) -> dict[str, Any]:
    """Returns the fields of a file, whatever they are.

    Raises:
        UserError: for no YAML.
    """
    import yaml

    try:
        loaded = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the repository has a cluster.yaml to fill in") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise UserError(f"{path}{where}: no YAML ({getattr(error, 'problem', error)})") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: expected the fields of a cluster, as in the repository's cluster.yaml")
    return loaded


class _Fields:
    """The file's fields, and mistakes that name them."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path, self._content = path, content

    def wrong(self, field: str, value: object, expected: str) -> UserError:
        what = "is missing" if value is None else shorten(repr(value))
        return UserError(f"{self._path}: {field} {what}: expected {expected}")

    def at(self, field: str, kind: type) -> Any:
        value = self._content.get(field)
        if not isinstance(value, kind) or not value:
            raise UserError(f"{self._path}: {field} is missing; the repository's cluster.yaml has it")
        return value

    def address(self, field: str, value: object) -> str:
        try:
            return str(ipaddress.IPv4Address(str(value)))
        except ValueError:
            hint = "" if value in PLACEHOLDERS else "; a name often means another address on the machine itself"
            raise self.wrong(field, value, f"an IPv4 address{hint}") from None

    def addresses(self, values: object, head: str) -> tuple[str, ...]:
        if not isinstance(values, list):
            raise self.wrong("provider.worker_ips", values, "a list of IPv4 addresses")
        found = [self.address("provider.worker_ips", value) for value in values]
        if len({head, *found}) != len(found) + 1:
            raise self.wrong("provider.worker_ips", found, f"each machine once, without the head {head}")
        return tuple(found)

    def key(self, value: object) -> Path | None:
        if value is None:
            return None
        path = Path(str(value)).expanduser()
        if not path.is_file():
            raise self.wrong("auth.ssh_private_key", value, "an existing key (ssh-keygen makes one)")
        return path

    def store(self) -> str:
        """Returns what the required store line exports."""
        for command in self._commands("setup_commands"):
            found = re.search(r"fieldmark\.search\.cluster\.node\b.*?--store[= ](\S+)", command)
            if found is not None:
                return self._shared(shlex.split(found[1])[0])
        line = "`python -m fieldmark.search.cluster.node --store STORE` in setup_commands"
        raise UserError(f"{self._path}: the store's line is missing: {line}")

    def _shared(self, store: str) -> str:
        try:
            check_store(store)
        except UserError as error:
            raise UserError(f"{self._path}: setup_commands: {error}") from None
        return store

    def check_token(self) -> None:
        """Refuses what would start an open cluster."""
        mounts = self._content.get("file_mounts") or {}
        if mounts.get(TOKEN) != TOKEN:
            raise self.wrong(f"file_mounts.{TOKEN}", mounts.get(TOKEN), f"{TOKEN}: every node needs the token")
        for field in ("head_start_ray_commands", "worker_start_ray_commands"):
            starts = [command for command in self._commands(field) if "ray start" in command]
            if not starts or any("RAY_AUTH_MODE=token" not in command for command in starts):
                raise self.wrong(field, starts, "`export RAY_AUTH_MODE=token` before `ray start`: else it is open")

    def _commands(self, field: str) -> list[str]:
        return [str(command) for command in self._content.get(field) or []]


def check_store(store: str) -> None:
    """Refuses a store that cannot be the same place on every machine.

    Raises:
        UserError: saying what was expected.
    """
    if store in PLACEHOLDERS:
        raise UserError(
            f"--store {store}: is not filled in yet: a folder that all machines share, s3://, gs:// or az://"
        )
    if not store.startswith("/") and "://" not in store:
        raise UserError(f"--store {store}: expected an absolute path, which all machines share, or s3://, gs://, az://")
