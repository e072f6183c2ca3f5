"""The environment in which Ray's own launcher commands work as their documentation says."""

import shlex

ENVIRONMENT = {
    "RAY_UP_enable_autoscaler_v2": "0",  # the newer one never contacts the workers of a `local` provider
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def launch_environment() -> dict[str, str]:
    """Returns the variables that `ray up`, `ray submit`, `ray attach` and `ray down` need on the launching machine."""
    return dict(ENVIRONMENT)


def as_exports(environment: dict[str, str]) -> str:
    """Returns a line a variable, for a shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())
