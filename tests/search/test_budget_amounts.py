"""What --budget and --prices say, and how mistakes in them are told."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config.quantities import parse_size
from fieldmark.errors import UserError
from fieldmark.search.budget.amounts import parse_budget
from fieldmark.search.budget.prices import PriceTable
from fieldmark.search.options import sweep_options


def test_several_limits_stand_in_one_flag() -> None:
    found = {one.kind: (one.value, one.currency) for one in parse_budget("8h, 200gpuh,500CPUh,150usd,20GB")}
    assert found == {
        "seconds": (28800, ""),
        "gpu_hours": (200, ""),
        "cpu_hours": (500, ""),
        "money": (150, "USD"),
        "bytes": (20_000_000_000, ""),
    }


@given(st.integers(1, 10**6), st.sampled_from([("MB", 10**6), ("gb", 10**9), ("KiB", 1024), ("TiB", 2**40), ("b", 1)]))
def test_a_size_has_a_unit(count: int, unit: tuple[str, int]) -> None:
    assert parse_size(f"{count}{unit[0]}", "--budget") == count * unit[1]


def test_a_currency_that_ends_like_a_size_is_money() -> None:
    assert [one.kind for one in parse_budget("150rub,3tb")] == ["money", "bytes"]


@pytest.mark.parametrize("text", ["", "soon", "0h", "5gpu", "3,,4h", "20 GB 3", "-1h", "7kwh2"])
def test_a_bad_budget_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(UserError, match=r"--budget .*200gpuh.*150usd.*20GB"):
        parse_budget(text)


def test_two_limits_of_one_thing_are_refused() -> None:
    with pytest.raises(UserError, match="1h is a second limit"):
        parse_budget("30m,1h")


def write(path: Path, table: object) -> str:
    path.write_text(table if isinstance(table, str) else json.dumps(table))
    return str(path)


def test_money_is_hours_times_the_price_of_the_device_or_of_the_host(tmp_path: Path) -> None:
    text = """
        currency = "USD"
        cpu_hour = 0.04
        [gpu_hour]
        H100 = 3.0
        "H100 NVL" = 2.5
        default = 2.0
        [hosts."spot-*"]
        gpu_hour = 1.0
    """
    table = PriceTable.read(write(tmp_path / "prices.toml", text))

    def money(host: str, device: str) -> float:
        return table.money(cpu_seconds=7200, gpu_seconds=3600, host=host, device=device)

    assert money("a", "cuda:0 NVIDIA H100 80GB HBM3") == pytest.approx(3.08)
    assert money("a", "cuda:0 NVIDIA H100 NVL") == pytest.approx(2.58), "the longer name counts"
    assert money("a", "cuda") == pytest.approx(2.08)
    assert money("spot-7", "cuda:0 NVIDIA H100 80GB HBM3") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"cpu_hour": 0.04}, "currency is missing: expected three capital letters, e.g. USD"),
        ({"currency": "dollars"}, "currency 'dollars': expected three capital letters"),
        ({"currency": "USD", "cpu_hour": -1}, "cpu_hour -1: expected what an hour of a core costs"),
        ({"currency": "USD", "gpu_hour": "x"}, "gpu_hour 'x': expected what an hour of a GPU costs"),
        ({"currency": "USD", "gpu_hour": {"H100": "x", "default": 1}}, "gpu_hour.H100 'x': expected what an hour of a"),
        ({"currency": "USD", "hosts": 3}, "hosts 3: expected a table of hosts"),
        ([1], "expected a table with currency, cpu_hour, gpu_hour, hosts"),
        ({"currency": "USD", "gpu_hour": {"H100": 3.0}}, "needs a price called default"),
        ({"currency": "USD", "gpu_hours": 3}, "gpu_hours: there is no such price; expected currency, cpu_hour"),
        ({"currency": "USD", "hosts": {"a": {"cpu_hour": "much"}}}, "hosts.a.cpu_hour 'much': expected"),
        ("{", "it begins like {"),
    ],
)
def test_a_bad_price_file_is_one_line_with_file_and_field(tmp_path: Path, table: object, said: str) -> None:
    path = write(tmp_path / "prices.json", table)
    with pytest.raises(UserError) as error:
        sweep_options(prices=path)
    assert str(error.value).startswith(f"--prices {path}: ") and said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_price_file_in_yaml_is_told_what_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"prices\.yaml: expected a table in TOML .* or in JSON"):
        PriceTable.read(write(tmp_path / "prices.yaml", {"currency": "USD"}))


def test_a_price_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"--prices nowhere\.json: cannot be read"):
        sweep_options(prices="nowhere.json")


def test_money_needs_prices_in_its_currency(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="150usd: money needs a price table"):
        sweep_options(budget="150usd")
    path = write(tmp_path / "prices.json", {"currency": "EUR", "cpu_hour": 1})
    with pytest.raises(UserError, match=r"150usd: the prices of .* are in EUR"):
        sweep_options(budget="150usd", prices=path)


@pytest.mark.parametrize(("flag", "value"), [("hang_after", "long"), ("checkpoint_budget", "20")])
def test_other_bad_amounts_name_their_flag(flag: str, value: str) -> None:
    with pytest.raises(UserError, match=f"--{flag.replace('_', '-')} '{value}'"):
        sweep_options(**{flag: value})


def test_the_example_in_the_documentation_is_a_price_table(root: Path, tmp_path: Path) -> None:
    page = (root / "docs/reference/prices.md").read_text()
    for kind in ("toml", "json"):
        example = page.partition(f"```{kind}\n")[2].partition("```")[0]
        assert PriceTable.read(write(tmp_path / f"prices.{kind}", example)).currency == "USD"


def test_the_store_of_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_STORE", "/shared/runs")
    assert sweep_options().store == "/shared/runs"
    assert sweep_options(store="here").store == "here"
    monkeypatch.setenv("FIELDMARK_STORE", "")
    assert sweep_options().store == "runs"
