"""What a look at a cluster sees; it travels from the head to a laptop as JSON."""

from pydantic import BaseModel, ConfigDict


class _Seen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Software(_Seen):
    """What is installed."""

    python: str
    libraries: dict[str, str]
    """Version of each distribution that the product needs, by its normalised name; absent ones are left out."""
    source: str
    """Digest of the product's own source files."""


class Disk(_Seen):
    """A file system, bytes."""

    what: str
    path: str
    free: int
    total: int


class Gpu(_Seen):
    """A GPU as its driver names it; memory in bytes."""

    name: str
    memory: int
    driver: str


class Clock(_Seen):
    """A node's clock against the looker's, seconds; the offset is at most `bound` wrong (half a round trip)."""

    offset: float
    bound: float


class Look(_Seen):
    """Whether one thing was all right: what is wrong with it, or nothing; for data, its fingerprint."""

    problem: str = ""
    fingerprint: str = ""


class Refusal(_Seen):
    """A port of another node that could not be reached."""

    address: str
    port: int
    what: str
    why: str


class NodeSeen(_Seen):
    """A node that Ray says is alive."""

    address: str
    name: str
    head: bool
    gpus_of_ray: int
    silent: dict[str, str] = {}
    """What it did not answer, and why."""
    software: Software | None = None
    disks: tuple[Disk, ...] = ()
    memory_free: int = 0
    memory_total: int = 0
    gpus: tuple[Gpu, ...] = ()
    torch_cuda: str = ""
    """CUDA version that its torch was built for, or nothing."""
    named_by: str = ""
    """The address that it gives for its own name."""
    clock: Clock | None = None
    store: Look | None = None
    data: Look | None = None
    unreachable: tuple[Refusal, ...] = ()
    reached: int = 0
    """Ports of other nodes that could be reached."""


class Absent(_Seen):
    """A machine that should be a node and is not, looked at by plain TCP and ssh."""

    address: str
    answers: bool
    """Whether its port 22 does."""
    login: str = ""
    """Why one cannot log in, or nothing."""
    raylet: bool = False
    token: bool = False
    sees_head: bool = False
    """Whether it reaches the head's port."""


class AllReduce(_Seen):
    """One measured sum over one worker a node."""

    backend: str
    workers: int
    bytes: int
    seconds: float

    @property
    def gb_s(self) -> float:
        """Bytes of one worker's vector a second, in GB/s."""
        return self.bytes / self.seconds / 1e9


class ClusterSeen(_Seen):
    """All that was seen."""

    nodes: tuple[NodeSeen, ...]
    absent: tuple[Absent, ...] = ()
    lost: dict[str, str] = {}
    """Addresses of nodes that ended without being told to and have not come back, and what Ray says of it."""
    reference: Software
    """What should be installed: by constraints.txt where there is one, else what the looker has."""
    reference_name: str
    store: str = ""
    data: str = ""
    fingerprint: str = ""
    """Of the looker's data."""
    all_reduce: tuple[AllReduce, ...] = ()
    all_reduce_problems: dict[str, str] = {}
    """By backend."""
    seconds: float = 0.0
