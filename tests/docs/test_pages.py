"""What the pages say and the program has are the same."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from milestones.app.reload import AT_START
from milestones.cli.app import COMMANDS
from milestones.kinds.email.variables import VARIABLES
from milestones.observability.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("templates/*.md"))
    if path.is_file()
)
GROUPS_ALONE = {"reward"}


def coded(page: Path) -> set[str]:
    """What stands in the page as code, one word each."""
    return set(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))


def test_whoever_writes_a_mail_finds_every_name_that_it_may_show_and_no_other() -> None:
    written = coded(ROOT / "templates" / "README.md")
    names = VARIABLES - GROUPS_ALONE
    assert names <= written
    groups = {name.partition(".")[0] for name in names}
    of_groups = {word for word in written if word.partition(".")[0] in groups and word.isidentifier()}
    dotted = {word for word in written if re.fullmatch(r"[a-z_]+\.[a-z_]+", word)} | of_groups
    assert {word for word in dotted if not word.endswith((".txt", ".html", ".toml"))} <= names


def test_every_figure_is_explained_and_no_other() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    figures = {
        f"{found.name}_total" if found.type == "counter" else found.name for found in registry.collect()
    }
    assert {
        word for word in coded(ROOT / "docs/operations.md") if re.fullmatch("milestones_[a-z_]+", word)
    } == figures


def test_what_a_reload_refuses_is_named() -> None:
    told = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    section = told.partition("read at the start only")[2].partition("\n\n")[0]
    keys = {key for keys in AT_START.values() for key in keys}
    named = {word.rpartition(".")[2] for word in re.findall(r"`([^`]+)`", section)}
    assert keys <= named


def test_the_readme_names_every_command() -> None:
    table = re.findall(r"^\| `milestones ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    together = re.findall(r"^\| `milestones ([a-z|\\]+)\W", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {name for part in (*table, *together) for name in part.replace("\\", "").split("|")} == set(
        COMMANDS
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert lost == []


def test_every_cited_section_of_what_is_known_of_wix_exists() -> None:
    page = (ROOT / "docs/wix-api.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", page, re.MULTILINE))
    assert {f"s{section.replace('.', '-')}" for section in sections} == set(
        re.findall(r'<a id="([^"]+)">', page)
    )
    cited = {
        section: path
        for folder in ("milestones", "wixsandbox", "tests", "docs", "bench")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in {".py", ".md", ".mjs"} and path.name != "wix-api.md"
        for found in re.findall(
            r"docs/wix-api\.md, (\d+(?:\.\d+)?(?:(?:,| and| to) \d+(?:\.\d+)?)*)",
            path.read_text(encoding="utf-8"),
        )
        for section in re.findall(r"\d+(?:\.\d+)?", found)
    }
    assert cited
    assert {section: path for section, path in cited.items() if section not in sections} == {}


def test_the_house_on_one_page_shows_every_folder_and_no_other() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `([a-z]+)/` \|", page, re.MULTILINE)
    assert shown == sorted(path.parent.name for path in (ROOT / "milestones").glob("*/__init__.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:milestones|wixsandbox|tests)/[\w/.-]+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
