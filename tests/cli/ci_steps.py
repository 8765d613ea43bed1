"""Runs what a computer without GitHub or GitLab can of them: the steps of the Action, with its inputs
and defaults put in as GitHub does, or the script of the GitLab job, with its variables.

    ci_steps.py action ACTION.yml FOLDER INPUT=VALUE...
    ci_steps.py gitlab JOB.yml FOLDER VARIABLE=VALUE...

Each step's shell is begun as there, in FOLDER; the first that fails ends it, and its exit status is ours."""

import os
import re
import subprocess
import sys

import yaml


def run(script: str, folder: str, env: dict[str, str]) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    status = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder,
                            env=clean | env).returncode
    if status:
        sys.exit(status)


def action(path: str, folder: str, given: dict[str, str]) -> None:
    with open(path) as f:
        doc = yaml.safe_load(f)
    unknown = set(given) - set(doc["inputs"])
    missing = {k for k, v in doc["inputs"].items() if v.get("required")} - set(given)
    if unknown or missing:
        sys.exit(f"inputs: unknown {unknown}, missing {missing}")
    inputs = {k: v.get("default", "") for k, v in doc["inputs"].items()} | given

    def fill(text: str) -> str:
        return re.sub(r"\$\{\{ *inputs\.(\w+) *\}\}", lambda m: inputs[m[1]], text)

    assert doc["runs"]["using"] == "composite"
    for step in doc["runs"]["steps"]:
        assert step["shell"] == "bash", "a composite action's step needs a shell"
        env = {k: fill(v) for k, v in step.get("env", {}).items()}
        env |= {"GITHUB_ACTION_PATH": os.path.dirname(os.path.abspath(path)), "GITHUB_ACTIONS": "true",
                "GITHUB_STEP_SUMMARY": os.path.join(folder, "summary.md"),
                "GITHUB_OUTPUT": os.path.join(folder, "output")}
        run(fill(step["run"]), folder, env)


def gitlab(path: str, folder: str, given: dict[str, str]) -> None:
    with open(path) as f:
        job, = yaml.safe_load(f).values()
    run("\n".join(job["script"]), folder, job["variables"] | given)


if __name__ == "__main__":
    what, file, where, *pairs = sys.argv[1:]
    {"action": action, "gitlab": gitlab}[what](file, where, dict(p.split("=", 1) for p in pairs))
