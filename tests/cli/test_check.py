"""``milestones check``."""

import json
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from milestones.cli.check import json_schema
from milestones.shipped import sample_config
from tests.cli.conftest import Call


def test_the_sample_is_valid_and_summed_up(call: Call, shop: Path) -> None:
    called = call("check", "--config", shop / "config.toml")
    assert called.code == 0, called.err
    assert "config.toml and its templates are valid." in called.out
    assert "Note:" not in called.out
    assert "stars-1000: balance 1,000, once; told 100 before (almost-there)" in called.out


def test_the_default_is_config_toml_in_the_working_folder(
    call: Call, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    assert call("check").out.startswith("config.toml and its templates are valid.")


def test_every_fault_is_a_line_and_the_exit_code_is_2(call: Call, shop: Path) -> None:
    config = shop / "config.toml"
    config.write_text(
        sample_config().replace("threshold = 1000", "treshold = 1000").replace('"live"', '"lively"')
    )
    called = call("check", "--config", config)
    assert called.code == 2
    assert called.out == ""
    first, second, count = called.err.splitlines()
    assert first.startswith(f"{config}:9:1: daemon.mode: must be")
    assert second.endswith("milestones[0].treshold: unknown key; did you mean 'threshold'?")
    assert count == "2 faults."


def test_an_undefined_variable_of_a_template_is_found(call: Call, shop: Path) -> None:
    (shop / "templates/almost-there/body.txt").write_text(
        "Hello {{ customer.frist_name }}\n{{ coupon.code }}\n"
    )
    called = call("check", "--config", shop / "config.toml")
    assert called.code == 2
    assert "templates/almost-there/body.txt:1: customer.frist_name is not a variable" in called.err
    assert "templates/almost-there/body.txt:2: coupon.code is not there in every mail" in called.err
    assert "Traceback" not in called.err


def test_faults_of_both_are_told_in_one_go_and_each_once(call: Call, shop: Path) -> None:
    (shop / "config.toml").write_text(sample_config().replace('"live"', '"lively"'))
    (shop / "templates/almost-there/body.txt").write_text("{{ customer.frist_name }}")
    (shop / "templates/badge-earned/body.txt").write_text("{% if %}")
    called = call("check", "--config", shop / "config.toml")
    assert called.code == 2
    assert called.err.count("daemon.mode") == 1
    assert called.err.count("almost-there/body.txt:1: customer.frist_name is not a variable") == 1
    assert called.err.count("badge-earned/body.txt:1: ") == 1


def test_a_machine_gets_json(call: Call, shop: Path) -> None:
    good = json.loads(call("check", "--json", "--config", shop / "config.toml").out)
    assert (good["ok"], good["faults"], good["summary"]["mode"]) == (True, [], "live")
    (shop / "config.toml").write_text("[mail]\n")
    called = call("check", "--json", "--config", shop / "config.toml")
    bad = json.loads(called.out)
    assert (called.code, bad["ok"], len(bad["faults"])) == (2, False, 2)


def test_secrets_are_not_shown(call: Call, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILESTONES_MAIL__USERNAME", "me")
    monkeypatch.setenv("MILESTONES_MAIL__PASSWORD", "hunter2")
    monkeypatch.setenv("MILESTONES_DAEMON__DATABASE", "postgresql://me:hunter2@db.example.com/stars")
    for extra in ((), ("--json",)):
        called = call("check", "--config", shop / "config.toml", *extra)
        assert called.code == 0, called.err
        assert "stars on db.example.com" in called.out
        assert "hunter2" not in called.out + called.err


def test_the_schema_accepts_the_sample_and_refuses_an_unknown_key(call: Call) -> None:
    schema = json.loads(call("check", "--schema").out)
    assert schema == json_schema()
    jsonschema_rs.meta.validate(schema)
    validator = jsonschema_rs.validator_for(schema)
    sample = tomllib.loads(sample_config())
    assert validator.is_valid(sample)
    assert not validator.is_valid({**sample, "scann": {}})
    sample["mail"]["password"] = "hunter2"
    assert not validator.is_valid(sample), "a secret is a reference"


def test_the_schema_lets_a_site_say_only_what_differs(call: Call) -> None:
    schema = jsonschema_rs.validator_for(json.loads(call("check", "--schema").out))
    configuration = tomllib.loads(sample_config())
    (site,) = configuration["sites"]
    site |= {
        "mail": {"only_to": ["*@example.com"]},
        "policy": {"at_most": "1 per 7d"},
        "brand": {"color": "red"},
    }
    schema.validate(configuration)
    site["mail"]["sendr"] = "s@example.com"
    assert not schema.is_valid(configuration)
    del site["mail"], configuration["mail"]["sender"]
    assert not schema.is_valid(configuration)


def test_a_missing_file_is_a_sentence(call: Call, tmp_path: Path) -> None:
    called = call("check", "--config", tmp_path / "config.toml")
    assert called.code == 2
    assert called.err.endswith(
        "there is no such file. `milestones init` writes one; --config names another.\n"
    )
