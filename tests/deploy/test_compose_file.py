"""docker-compose.yml, as Compose itself reads it: what is published, what is secret, and who reaches whom."""

import re
import stat
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from tests.deploy.compose import GUIDE, Project
from tests.deploy.programs import ROOT
from tests.docs.fences import fences
from ttr.address import parse_networks
from ttr.masterkey import read_master_keys
from ttr.settings import OF_COMPOSE
from ttr.up.procfile import read_procfile

SECRETS = ("SECRET_KEY", "ENCRYPTION_KEY", "POSTGRES_PASSWORD")
OF_TTR = ("release", "web", "clock", "worker", "bot")
_OF_COMPOSE_ITSELF = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME")
SERVERS = ("postgres", "redis", "caddy", "cloudflared")


def service(project: Project, name: str, **environment: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = project.config(**environment)["services"][name]
    return found


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_line_writes_the_secrets_once_and_for_their_owner_alone(tmp_path: Path, shell: str) -> None:
    project = Project(tmp_path)
    wrote = project.write_secrets(shell=shell)
    assert (wrote.returncode, wrote.stderr) == (0, "")
    assert stat.S_IMODE(project.dotenv.stat().st_mode) == 0o600
    secrets = dotenv_values(project.dotenv)
    assert tuple(secrets) == SECRETS
    assert len(set(secrets.values())) == 3
    for value in secrets.values():
        assert read_master_keys(value or "") == [value]  # 32 random bytes; of a URL, it needs nothing escaped

    again = project.write_secrets(shell=shell)
    assert again.returncode != 0
    assert dotenv_values(project.dotenv) == secrets


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("left", ["", "{}=\n"], ids=["missing", "empty"])
def test_compose_refuses_to_start_without_a_secret_and_says_what_writes_it(
    project: Project, name: str, left: str
) -> None:
    lines = project.dotenv.read_text().splitlines(keepends=True)
    project.dotenv.write_text(
        "".join(line for line in lines if not line.startswith(name)) + left.format(name)
    )

    refused = project.compose("config", "-q")

    assert refused.returncode != 0
    assert f"required variable {name} is missing a value" in refused.stderr
    assert "the first line of docs/deploy-compose.md writes it into .env" in refused.stderr


def test_no_secret_is_in_the_repository(project: Project) -> None:
    for name in ("docker-compose.yml", "Dockerfile", "Caddyfile", ".env.example"):
        for line in (ROOT / name).read_text().splitlines():
            given = re.match(r" *\w*(?:SECRET_KEY|ENCRYPTION_KEY|PASSWORD|TOKEN)[:=] *(.*)", line)
            assert not given or re.fullmatch(r'""|\$\{\w+:(\?.*|-\$\{\w+:-\})\}', given[1]), line


def test_only_the_proxy_has_a_port_outside(project: Project) -> None:
    published = {name: one["ports"] for name, one in project.config()["services"].items() if "ports" in one}

    (port,) = published.pop("caddy")
    assert not published
    assert (port["published"], port["target"], port.get("host_ip")) == ("8080", 8080, None)
    (port,) = service(project, "caddy", PUBLISH="127.0.0.1:80")["ports"]
    assert (port["published"], port["target"], port["host_ip"]) == ("80", 8080, "127.0.0.1")
    assert not any("network_mode" in one for one in project.config()["services"].values())


@pytest.mark.parametrize("name", [*OF_TTR, *SERVERS])
def test_each_service_has_no_more_rights_than_it_needs_and_is_looked_after(
    project: Project, name: str
) -> None:
    one = service(project, name)
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert one["restart"] == ("no" if name == "release" else "unless-stopped")
    assert "stop_grace_period" in one
    assert ("healthcheck" in one) == (name != "release")
    assert re.search(r":\d+\.\d+[.\w-]*$", one["image"]) if name in SERVERS else one["image"] == "ttr"
    for mount in one.get("volumes", []):
        assert mount["type"] == "volume" or (mount["type"], mount["read_only"]) == ("bind", True)


def test_the_image_is_built_once_and_asked_of_no_registry(project: Project) -> None:
    services = project.config()["services"]
    assert [name for name, one in services.items() if "build" in one] == ["release"]
    assert {services[name]["pull_policy"] for name in OF_TTR} == {"never"}


def test_each_process_of_ttr_is_a_line_of_the_procfile_and_waits_for_the_release(project: Project) -> None:
    services = project.config()["services"]
    procfile = read_procfile(ROOT / "Procfile")
    assert procfile.release
    # There is a program `ttr` in the image, whose HOST is every address.
    lines = {
        line.name: re.sub(r"^(exec )?python3 -m ttr (\w+).*", r"ttr \2", line.command)
        for line in (procfile.release, *procfile.processes)
    }
    assert {name: " ".join(services[name]["command"]) for name in OF_TTR} == lines
    for name in OF_TTR[1:]:
        conditions = {other: one["condition"] for other, one in services[name]["depends_on"].items()}
        assert conditions == {
            "redis": "service_healthy",
            "postgres": "service_healthy",
            "release": "service_completed_successfully",
        }
        assert services[name]["healthcheck"]["test"] == ["CMD", "ttr", "alive", name]
    assert services["web"]["environment"]["TTR_ENV"] == "production"


def test_redis_keeps_what_it_has_answered_and_evicts_nothing(project: Project) -> None:
    command = service(project, "redis")["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "everysec"
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--dir"] == service(project, "redis")["volumes"][0]["target"]
    assert "always" in service(project, "redis", REDIS_APPENDFSYNC="always")["command"]
    project.write_secrets("REDIS_APPENDFSYNC=always")
    assert "always" in service(project, "redis")["command"]
    assert [service(project, name)["environment"]["REDIS_APPENDFSYNC"] for name in OF_TTR] == [""] * len(
        OF_TTR
    )


def test_the_stores_are_reached_by_ttr_alone_and_the_web_processes_by_caddy(project: Project) -> None:
    config = project.config()
    on: dict[str, set[str]] = {name: set() for name in config["networks"]}
    for name, one in config["services"].items():
        for network in one["networks"]:
            on[network].add(name)
    assert on == {
        "data": {"postgres", "redis", *OF_TTR},
        "out": {"clock", "worker", "bot"},
        "front": {"web", "caddy"},
        "tunnel": {"caddy", "cloudflared"},
    }
    assert config["networks"]["data"]["internal"] is True


@pytest.mark.parametrize("given", [{}, {"NETWORK_PREFIX": "10.9.8", "PROXY_IN_FRONT": "10.9.8.1"}])
def test_only_caddy_and_what_it_believes_may_say_who_asks(project: Project, given: dict[str, str]) -> None:
    config = project.config(**given)
    services = config["services"]
    caddy, tunnel = services["caddy"], services["cloudflared"]["networks"]["tunnel"]["ipv4_address"]
    fixed = {
        "front": {caddy["networks"]["front"]["ipv4_address"]},
        "tunnel": {caddy["networks"]["tunnel"]["ipv4_address"], tunnel},
    }
    believed = {caddy["networks"]["front"]["ipv4_address"], tunnel}
    believed |= {given["PROXY_IN_FRONT"]} if given else set()
    for name in OF_TTR:
        told = parse_networks(services[name]["environment"]["TRUSTED_PROXIES"])
        assert {str(network.network_address) for network in told} == believed
        assert all(network.num_addresses == 1 for network in told)
    assert caddy["environment"]["CLOUDFLARED_ADDRESS"] == tunnel
    assert caddy["environment"]["PROXY_IN_FRONT"] == given.get("PROXY_IN_FRONT", "")
    for network, addresses in fixed.items():
        (pool,) = config["networks"][network]["ipam"]["config"]
        assert pool["gateway"] not in addresses
        for address in {*addresses, pool["gateway"]}:  # which no container may be given
            assert ip_address(address) in ip_network(pool["subnet"])
            assert ip_address(address) not in ip_network(pool["ip_range"])


def test_a_proxy_on_the_machine_comes_by_the_address_that_the_guide_says(project: Project) -> None:
    said = re.search(r"that of the network's gateway, `([\d.]+)`", GUIDE.read_text())
    assert said
    (pool,) = project.config()["networks"]["front"]["ipam"]["config"]
    assert pool["gateway"] == said[1]


def test_settings_of_the_file_reach_ttr_and_the_secrets_of_others_do_not(project: Project) -> None:
    project.write_secrets(
        "FLAP_WINDOW_SECONDS=77", "PORT=9", "REDIS_URL=redis://elsewhere", "CLOUDFLARED_TOKEN=hush"
    )
    for name in OF_TTR:
        given = service(project, name)["environment"]
        assert given["FLAP_WINDOW_SECONDS"] == "77"
        assert (given["PORT"], given["REDIS_URL"]) == ("8000", "redis://redis:6379/0")
        assert given["POSTGRES_PASSWORD"] == given["CLOUDFLARED_TOKEN"] == ""
    assert set(service(project, "caddy")["environment"]) == {
        "SITE_ADDRESS",
        "CLOUDFLARED_ADDRESS",
        "PROXY_IN_FRONT",
    }
    secrets = dotenv_values(project.dotenv)
    hush = {name: str(secrets[name]) for name in (*SECRETS, "CLOUDFLARED_TOKEN")}
    tunnel = str(service(project, "cloudflared"))
    assert [name for name, value in hush.items() if value in tunnel] == ["CLOUDFLARED_TOKEN"]


QUICK = ["tunnel", "--no-autoupdate"]


@pytest.mark.parametrize(
    ("given", "command", "token"),
    [
        ({}, QUICK, ""),
        ({"CLOUDFLARED_TOKEN": "first"}, [*QUICK, "run"], "first"),
        ({"CLOUDFLARE_TUNNEL_TOKEN": "alias"}, [*QUICK, "run"], "alias"),
        ({"CLOUDFLARED_TOKEN": "", "CLOUDFLARE_TUNNEL_TOKEN": "alias"}, [*QUICK, "run"], "alias"),
        # A token stands for its tunnel; the name after `run` is not looked at.
        ({"CLOUDFLARED_TOKEN": "first", "CLOUDFLARE_TUNNEL_TOKEN": "alias"}, [*QUICK, "run", "run"], "first"),
        ({"CLOUDFLARED_OPTS": "--protocol http2"}, [*QUICK, "--protocol", "http2"], ""),
        (
            {"CLOUDFLARED_OPTS": "--protocol http2", "CLOUDFLARED_TOKEN": "t"},
            [*QUICK, "--protocol", "http2", "run"],
            "t",
        ),
    ],
)
def test_the_tunnel_is_the_one_of_the_token_or_a_quick_one(
    project: Project, given: dict[str, str], command: list[str], token: str
) -> None:
    one = service(project, "cloudflared", **given)

    assert one["profiles"] == ["tunnel"]
    assert one["command"] == command
    assert one["environment"]["TUNNEL_TOKEN"] == token
    assert one["environment"]["TUNNEL_URL"] == "http://caddy:8080"
    assert (
        service(project, "cloudflared", CLOUDFLARED_URL="http://x")["environment"]["TUNNEL_URL"] == "http://x"
    )


def test_what_the_guide_says_of_a_domain_opens_both_ports(project: Project) -> None:
    said = GUIDE.read_text().partition("## HTTPS with a domain")[2]
    dotenv, override = (
        next(fence.text for fence in fences(said) if fence.language == kind) for kind in ("ini", "yaml")
    )
    project.write_secrets(*dotenv.splitlines())
    (project.folder / "docker-compose.override.yml").write_text(override)

    caddy = service(project, "caddy")

    ports = {(port["published"], port["target"], port["protocol"]) for port in caddy["ports"]}
    assert ports == {("80", 8080, "tcp"), ("443", 8443, "tcp"), ("443", 8443, "udp")}
    assert caddy["environment"]["SITE_ADDRESS"] == "ttr.example.com"


def test_what_the_guide_says_of_more_processes_makes_them(project: Project) -> None:
    said = GUIDE.read_text().partition("## More processes")[2]
    override = re.search(r"```yaml\n(.*?)```", said, re.DOTALL)
    assert override
    (project.folder / "docker-compose.override.yml").write_text(override[1])

    assert [service(project, name).get("scale", 1) for name in OF_TTR] == [1, 2, 1, 2, 1]


def test_the_settings_of_compose_are_those_that_the_guide_lists() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    used = set(re.findall(r"\$\{(\w+)", text)) - {*SECRETS, "TTR_ENV"}
    table = GUIDE.read_text().partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"\w+", row)}

    assert listed - {"COMPOSE_PROFILES"} == used
    # In the same .env as those of ttr, they are no mistake.
    assert listed - {"REDIS_APPENDFSYNC"} | {"POSTGRES_PASSWORD"} == {
        name for name in OF_COMPOSE if name not in _OF_COMPOSE_ITSELF
    }
    assert yaml.safe_load(text)["name"] == "ttr"
