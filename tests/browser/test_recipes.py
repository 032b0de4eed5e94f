"""The recipes of a check's page, run for real against the app: what they tell is what came."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.entry import enter
from tests.conftest import eventually
from tests.lua.parts import make_check
from ttr.domain.check import Check
from ttr.now import now_ms
from ttr.store.pings import read_body, read_pings
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.web.recipes import recipes


class Bench:
    """A check of the running app, its recipes, and a job to put into them."""

    def __init__(self, store: Store, check: Check, url: str, job: Path) -> None:
        self.store, self.check, self.job = store, check, job
        self.texts = {what: text for recipe in recipes(check, url) for what, text in recipe.texts}

    def filled(self, what: str) -> str:
        """The text with the job's path in it."""
        assert "/path/to/job" in self.texts[what]
        return self.texts[what].replace("/path/to/job", str(self.job))

    async def came(self) -> list[tuple[str, int | None, str]]:
        """What has come, oldest first."""
        log = await read_pings(self.store, self.check, 100)
        return [(entry.kind, entry.exit_status, entry.method) for entry in log[::-1]]


async def run(*command: str) -> tuple[int, str]:
    """A command's exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, printed.decode()


@pytest.fixture(params=[False, True], ids=["any method", "POST only"])
async def bench(
    request: pytest.FixtureRequest, base: str, store: Store, account: tuple[User, str], tmp_path: Path
) -> Bench:
    """The job prints two lines and ends with status 3."""
    user, _ = account
    check = await make_check(store, user, now=now_ms(), slug="nightly_job", post_only=request.param)
    job = tmp_path / "job"
    job.write_text("#!/bin/sh\necho '100 % done'\necho two\nexit 3\n")
    job.chmod(0o755)
    return Bench(store, check, f"{base}/p/{user.user_slug}/{check.address}", job)


def counted(came: list[tuple[str, int | None, str]]) -> list[tuple[str, int | None]]:
    """Without methods."""
    return [(kind, status) for kind, status, _ in came]


async def test_the_curl_line(bench: Bench) -> None:
    assert await run("sh", "-c", bench.texts["At the end of a script"]) == (0, "")
    assert counted(await bench.came()) == [("success", None)]


async def test_the_lines_around_a_job(bench: Bench) -> None:
    await run("sh", "-c", bench.filled("With run time and exit status"))
    await run("sh", "-c", bench.filled("With exit status and output"))
    assert counted(await bench.came()) == [("start", None), ("fail", 3), ("fail", 3)]
    body = await read_body(bench.store, bench.check)
    assert body
    assert body[1] == b"100 % done\ntwo"


async def test_the_lines_of_a_crontab(bench: Bench) -> None:
    lines = [
        line.removeprefix("* * * * * ").replace("\\%", "%")  # as cron does
        for line in bench.filled("Lines of a crontab: take one").splitlines()
        if line.startswith("* * * * * ")
    ]
    assert len(lines) == 3
    for line in lines:
        await run("sh", "-c", line)
    assert counted(await bench.came()) == [("start", None), ("fail", 3), ("fail", 3)]
    body = await read_body(bench.store, bench.check)
    assert body
    assert body[1] == b"100 % done\ntwo"


async def test_the_wrapper_tells_all_and_ends_as_the_job_does(bench: Bench, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper.bash"
    wrapper.write_text(bench.texts["A wrapper for any command"])
    assert await run("bash", str(wrapper), str(bench.job), "an argument") == (3, "100 % done\ntwo\n")
    assert await bench.came() == [("start", None, "POST"), ("fail", 3, "POST")]
    body = await read_body(bench.store, bench.check)
    assert body
    assert body[1] == b"100 % done\ntwo\n"


async def test_a_signal_to_the_wrapper_ends_the_job(bench: Bench, tmp_path: Path) -> None:
    wrapper, began = tmp_path / "wrapper.bash", tmp_path / "began"
    wrapper.write_text(bench.texts["A wrapper for any command"])
    bench.job.write_text(
        f"#!/bin/bash\ntrap 'echo ended; exit 7' TERM\ntouch {began}\nwhile :; do sleep 0.1; done\n"
    )
    process = await asyncio.create_subprocess_exec(
        "bash", str(wrapper), str(bench.job), stdout=asyncio.subprocess.PIPE
    )

    async def runs() -> bool:
        return began.exists()

    await eventually(runs)
    process.terminate()
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, printed) == (7, b"ended\n")
    assert counted(await bench.came()) == [("start", None), ("fail", 7)]
    log = await read_pings(bench.store, bench.check, 100)
    assert log[0].rid == log[1].rid != ""


async def test_a_wrapper_around_nothing_tells_of_no_success(bench: Bench, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper.bash"
    wrapper.write_text(bench.texts["A wrapper for any command"])
    status, printed = await run("bash", str(wrapper))
    assert status == 2
    assert printed.startswith("usage: ")
    assert (await run("bash", str(wrapper), "/no/such/job"))[0] == 127
    assert counted(await bench.came()) == [("start", None), ("fail", 127)]


async def test_the_wrapper_keeps_the_end_of_much_output(bench: Bench, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper.bash"
    wrapper.write_text(bench.texts["A wrapper for any command"])
    await run("bash", str(wrapper), "sh", "-c", "head -c 300000 /dev/zero | tr '\\0' a; echo the end")
    body = await read_body(bench.store, bench.check)
    assert body
    assert len(body[1]) == 100_000
    assert body[1].endswith(b"a" * 100 + b"the end\n")


@pytest.mark.parametrize("what", ["With what Python has", "With requests"])
async def test_python(bench: Bench, what: str) -> None:
    if what == "With requests":
        pytest.importorskip("requests")
    text = bench.texts[what]
    assert await run(sys.executable, "-c", text) == (0, "")
    broken = text.replace("...  # your work", "raise SystemExit(4)")
    assert broken != text
    assert (await run(sys.executable, "-c", broken))[0] == 4
    assert await bench.came() == [(kind, None, "POST") for kind in ("start", "success", "start", "fail")]


@pytest.mark.parametrize(
    ("work", "status", "kinds"),
    [
        ("pass", 0, ["start", "success"]),
        ("raise SystemExit", 0, ["start", "success"]),
        ("raise SystemExit(4)", 4, ["start", "fail"]),
        ("raise KeyError('no such table')", 1, ["start", "fail"]),
    ],
)
async def test_python_around_a_function(bench: Bench, work: str, status: int, kinds: list[str]) -> None:
    text = bench.texts["Around your own functions"].replace("...  # your work", work)
    assert (await run(sys.executable, "-c", text))[0] == status
    log = await read_pings(bench.store, bench.check, 100)
    assert [entry.kind for entry in log[::-1]] == kinds
    assert log[0].rid == log[1].rid != ""
    if status == 1:
        body = await read_body(bench.store, bench.check)
        assert body
        assert body[1].endswith(b"KeyError: 'no such table'\n")


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js here")
@pytest.mark.parametrize(
    ("work", "kinds"),
    [("// your work", ["start", "success"]), ("throw new Error('no such table')", ["start", "fail"])],
)
async def test_node(bench: Bench, tmp_path: Path, work: str, kinds: list[str]) -> None:
    module = tmp_path / "job.mjs"
    module.write_text(bench.texts["A module"].replace("// your work", work))
    assert (await run("node", str(module)))[0] == int("fail" in kinds)
    log = await read_pings(bench.store, bench.check, 100)
    assert [(entry.kind, entry.method) for entry in log[::-1]] == [(kind, "POST") for kind in kinds]
    assert log[0].rid == log[1].rid != ""
    if kinds[-1] == "fail":
        body = await read_body(bench.store, bench.check)
        assert body
        assert body[1].startswith(b"Error: no such table\n")


@pytest.mark.parametrize("what", ["Compose", "A CronJob", "A workflow"])
async def test_what_stands_in_yaml_runs(bench: Bench, what: str) -> None:
    text = bench.texts[what].replace("./path/to/job", "/path/to/job").replace("/path/to/job", str(bench.job))
    found = yaml.safe_load(text)
    match what:
        case "Compose":
            scripts = [found["services"]["job"]["command"][0].replace("$$", "$")]
        case "A CronJob":
            pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            scripts = [pod["containers"][0]["args"][0]]
            assert found["spec"]["schedule"] == "* * * * *"
            assert found["metadata"]["name"] == "job-nightly-job"
        case _:
            steps = found["jobs"]["job"]["steps"]
            assert steps[-1]["env"] == {"ENDED": "${{ job.status }}"}
            scripts = [steps[0]["run"], steps[2]["run"], "ENDED=failure; " + steps[-1]["run"]]
    for script in scripts:
        await run("sh", "-c", script)
    assert counted(await bench.came()) == [("start", None), ("fail", None if what == "A workflow" else 3)]


async def test_the_service_of_systemd(bench: Bench) -> None:
    lines = dict(line.split("=-", 1) for line in bench.texts["The service"].splitlines() if "=-" in line)
    for name, status in (("ExecStartPre", ""), ("ExecStopPost", "TERM"), ("ExecStopPost", "")):
        command = lines[name].replace("%%", "%").replace("$$", "$")  # as systemd does
        await run("sh", "-c", f"export EXIT_STATUS={status}; {command}" if status else command)
    assert counted(await bench.came()) == [("start", None), ("fail", None), ("fail", None)]


async def test_docker_run_tells_how_the_container_ended(bench: Bench) -> None:
    found = await run("sh", "-c", f"docker() {{ return 3; }}\n{bench.texts['docker run']}")
    assert found == (0, "")
    assert counted(await bench.came()) == [("fail", 3)]


@pytest.mark.browser
async def test_one_recipe_is_open_at_a_time_without_a_script(plain_visit: Visit) -> None:
    page = plain_visit.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await enter(plain_visit)
    await page.goto("/checks/new")
    await page.locator("#name").fill("Job")
    await page.get_by_role("button", name="Create check").click()
    recipes_shown = page.locator("#recipes .recipe__code:visible")
    await expect(recipes_shown).to_have_count(3)
    await expect(recipes_shown.first).to_contain_text("curl -fsS")
    for name, texts in (("kubernetes", 1), ("docker", 2), ("python", 3), ("node", 1), ("systemd", 2)):
        await page.locator(f"#recipe-{name} summary").click()
        await expect(recipes_shown).to_have_count(texts)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, name
    await expect(page.locator("#recipes .copy__button:visible")).to_have_count(0)


@pytest.mark.browser
async def test_a_recipe_is_copied_as_it_stands(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await page.goto("/checks/new")
    await page.locator("#name").fill("Job")
    await page.get_by_role("button", name="Create check").click()
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator("#recipe-bash summary").click()
    await page.locator("#copy-bash-1").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("#!/usr/bin/env bash\n")
    assert copied == await page.locator("#recipe-bash code").text_content()
