"""The examples that a shop copies are sound: the one in config.toml is what the simulated shop has, nearly."""

import re
from pathlib import Path

import pytest

from tests.program.conftest import Shop, program

ROOT = Path(__file__).parents[2]


def commented_example() -> str:
    lines = (ROOT / "config.toml").read_text().splitlines()
    begin = lines.index("# [program]")
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[begin:])


def examples_of_the_page() -> list[str]:
    page = (ROOT / "docs/program.md").read_text()
    return re.findall(r"```toml\n(.*?)```", page, re.DOTALL)


def test_the_examples_are_read() -> None:
    examples = [commented_example(), *examples_of_the_page()]
    assert len(examples) >= 2
    assert all(program(example).says_something for example in examples)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_example_of_the_configuration_can_be_applied_to_the_simulated_shop(shop: Shop) -> None:
    plan = await shop.plan(commented_example())
    assert not plan.refusals
    assert not (await shop.apply(commented_example())).differs
