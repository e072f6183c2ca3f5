"""The house itself: names that must not be shadowed, packages that must be shipped, commands that must agree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

WHERE_IS_PLATFORM = "import platform; print(platform.__file__, platform.python_version())"


def _is_standard(output: str) -> bool:
    return "fieldmark" not in output and output.strip().endswith(sys.version.split()[0])


def test_import_platform_is_the_standard_librarys_in_pytest() -> None:
    import platform

    assert platform.python_version() == sys.version.split()[0]
    assert Path(str(platform.__file__)).parent == Path(str(tomllib.__file__)).parents[1]


@pytest.mark.parametrize("arguments", [["-c", WHERE_IS_PLATFORM], ["-m", "platform"]])
def test_import_platform_is_the_standard_librarys_from_the_repository_root(root: Path, arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=root, capture_output=True, text=True, check=True)
    assert _is_standard(done.stdout) or "Linux" in done.stdout


def test_the_source_root_is_no_package(root: Path) -> None:
    assert not (root / "platform" / "__init__.py").exists()


def test_every_package_is_shipped(root: Path) -> None:
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(folder.relative_to(base).parts)
        for base, top in ((root / "platform", "fieldmark"), (root, "search_spaces"))
        for folder in [base / top, *(base / top).rglob("*")]
        if (folder / "__init__.py").exists()
    }
    assert set(listed) == found


def test_continuous_integration_calls_the_readmes_test_command(root: Path) -> None:
    readme = (root / "README.md").read_text()
    steps = (root / ".ci" / "run").read_text().splitlines()
    assert "make test" in readme and "make sweep" in readme
    assert {"make lint", "make test"} <= set(steps)


@pytest.mark.parametrize(
    "module",
    ["fieldmark.config", "fieldmark.papers", "fieldmark.store", "fieldmark.data.open", "fieldmark.tables.compare"],
)
def test_light_modules_import_nothing_heavy(module: str) -> None:
    heavy = {"torch", "ray", "mlflow", "matplotlib", "sklearn", "scipy", "optuna"}
    program = f"import sys, {module}; print([name for name in {sorted(heavy)} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_committed_names_this_machine(root: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split()
    pattern = re.compile(r"/work/(main|shared|scratch)|/root/")
    offenders = [
        name
        for name in tracked
        if name != "tests/test_house.py"
        and (root / name).suffix in {".py", ".md", ".toml", ".json", ".txt", ".html", ""}
        if (root / name).is_file() and pattern.search((root / name).read_text(errors="ignore"))
    ]
    assert offenders == []
