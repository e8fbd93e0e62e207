#!/usr/bin/env python3
"""The CI files of docs/ci, run here: every command of both, in order, against the built binary.

Usage: ci_files.py BINARY. Each is run with the example adapter, which passes, and with a bad client, which must make
the build red. What installs (a checkout, the toolchain, packages) is left out; everything
from the start of the bench to the proofs is run as written. The report is read back with an XML parser and compared
with the campaign, and the document is compared with the files that it shows.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

try:
    import yaml
except ImportError:
    print("SKIP python3-yaml: not installed")
    sys.exit(0)

BINARY = pathlib.Path(sys.argv[1]).resolve()
BAD_ADAPTER = "python3 -B adapters/python/bad/bad.py no-nil"
ROOT = pathlib.Path(__file__).resolve().parents[2]
ELEMENTS = {
    "passed": None, "failed": "failure", "inconclusive": "error", "not_started": "error", "aborted": "error",
    "unsupported": "skipped", "attested": "skipped", "not_applicable": "skipped",
}
# What installs things: not run here.
INSTALLS = ("apt-get", "cargo", "rustup", "git clone", ".vaguemestre/bin")


def github():
    """The variables and the commands of each step; a step that comes `if: !cancelled()` is run whatever happened."""
    (job,) = yaml.safe_load((ROOT / "docs/ci/github-actions.yml").read_text())["jobs"].values()
    steps = [step for step in job["steps"] if "run" in step and not any(word in step["run"] for word in INSTALLS)]
    assert [step["name"].split()[0] for step in steps] == ["Start", "Register", "Run", "Show"], steps
    return job["env"], [step["run"] for step in steps]


def gitlab():
    """The same, of GitLab: one shell for all lines."""
    (job,) = yaml.safe_load((ROOT / "docs/ci/gitlab-ci.yml").read_text()).values()
    lines = [line for line in job["before_script"] + job["script"] if not any(word in line for word in INSTALLS)]
    assert len(lines) == len(job["script"]), lines
    assert job["artifacts"]["reports"]["junit"] == "report.xml"
    return job["variables"], ["\n".join(lines)]


def rehearse(name, variables, scripts, red):
    """Runs a file's commands in an empty folder, as its runner would, and looks at what they leave."""
    with tempfile.TemporaryDirectory(prefix="vaguemestre-ci-") as folder:
        folder = pathlib.Path(folder)
        (folder / "adapters").symlink_to(ROOT / "adapters")
        environment = {**os.environ, **variables, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "share")}
        environment["PATH"] = f"{BINARY.parent}:{os.environ['PATH']}"
        codes = []
        try:
            for script in scripts:
                with open(folder / "output", "ab") as output:
                    shell = ["bash", "-e", "-o", "pipefail", "-c", script]
                    done = subprocess.run(shell, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=300)
                codes.append(done.returncode)
            look(name, folder, codes, red)
        finally:
            up = folder / "up.json"
            if up.exists() and up.stat().st_size:
                os.kill(json.loads(up.read_text())["pid"], signal.SIGTERM)


def look(name, folder, codes, expected_red):
    shown = (folder / "output").read_text()[-2000:]
    assert (folder / "campaign.json").exists(), f"{name}: {codes}\n{shown}\n{(folder / 'vaguemestre.log').read_text()[-2000:]}"
    campaign = json.loads((folder / "campaign.json").read_text())
    runs = campaign["runs"]
    suite = ET.parse(folder / "report.xml").getroot()
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert suite.tag == "testsuite" and int(suite.get("tests")) == len(runs) == len(cases), f"{name}: the report's count"
    kinds = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    for kind, count in kinds.items():
        assert int(suite.get(count)) == sum(case.find(kind) is not None for case in cases.values()), f"{name}: {count}"
    for run in runs:
        found = [kind for kind in kinds if cases[run["job"]].find(kind) is not None]
        assert found == [kind for kind in [ELEMENTS[run["verdict"]]] if kind], f"{name}: {run['job']} {run['verdict']} is {found}"
        assert f"{run['verdict']}\t{run['job']}" in (folder / "output").read_text(), f"{name}: the verdicts are shown"
        proof = folder / "proofs" / f"run-{run['number']}.proof"
        verified = subprocess.run([BINARY, "verify", str(proof)], capture_output=True, text=True)
        assert verified.returncode == 0, f"{name}: {proof.name} {verified.stdout}{verified.stderr}"
    red = [f"{run['job']}: {run['verdict']}" for run in runs if run["verdict"] != "passed"]
    # GitHub goes on after a failed step where it is told to; its verdict is that of any step. GitLab has one shell.
    assert any(codes) == bool(red), f"{name}: exit codes {codes}, not passed {red}\n{shown}"
    assert bool(red) == expected_red, f"{name}: {red}\n{shown}"
    print(f"  ok   {name}: {len(runs)} jobs, {len(red)} not passed, a report that agrees, {len(runs)} proofs verified")


def main():
    document = (ROOT / "docs/ci.md").read_text()
    for file in ("github-actions.yml", "gitlab-ci.yml"):
        assert f"```yaml\n{(ROOT / 'docs/ci' / file).read_text()}```\n" in document, f"docs/ci.md does not show docs/ci/{file} as it is"
    for name, (variables, scripts) in {"GitHub Actions": github(), "GitLab CI": gitlab()}.items():
        rehearse(name, variables, scripts, red=False)
        rehearse(f"{name}, bad client", {**variables, "ADAPTER": BAD_ADAPTER}, scripts, red=True)


if __name__ == "__main__":
    main()
