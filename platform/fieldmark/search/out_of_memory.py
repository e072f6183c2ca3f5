"""Whether an exception says that memory has run out, of a machine or of a GPU; neither torch nor Ray is imported."""

from typing import Literal

WORDS = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
"""In what torch and CUDA say as a plain RuntimeError."""
OF_GPU = ("CUDA", "CUDNN", "CUBLAS")
OF_RAY = "running low on memory"
"""In what Ray says of a process that its memory monitor has ended."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was too little memory: Python's, numpy's, torch's or Ray's word for it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, MemoryError) or "OutOfMemoryError" in names:
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)


def is_of_gpu(message: str) -> bool:
    """Whether it was a GPU's memory that ran out, by what a unit said: then a whole GPU keeps it apart from others."""
    return any(words in message for words in OF_GPU)


def kind_of(error: BaseException) -> Literal["failed", "out_of_memory"]:
    """Returns how a unit ended that raised this."""
    return "out_of_memory" if is_out_of_memory(error) else "failed"
