"""`make test SHUFFLE=7`: the files in the order of that seed, in several processes as well."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

from harness.labs import ROOT
from harness.pace import pace

SEED = 7
OPTIONS = ("-c", "pyproject.toml", "-p", "tests.conftest", "-p", "no:cacheprovider", "-v")
WORKERS = ("-n", "1", "--dist", "loadfile")


def test_files_come_in_the_order_of_the_seed_and_not_by_their_number_of_tests(tmp_path: Path) -> None:
    files = [tmp_path / f"test_{count}.py" for count in (1, 2, 3)]
    for count, file in enumerate(files, 1):
        file.write_text("\n".join(f"def test_{number}(): pass" for number in range(count)))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *OPTIONS,
            "--rootdir",
            tmp_path,
            *WORKERS,
            "--shuffle",
            str(SEED),
            *files,
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=60 * pace(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    random.Random(SEED).shuffle(files)  # noqa: S311 - a repeatable choice, no secret
    ran = re.findall(r"PASSED \S*/(test_\d\.py)", done.stdout)
    assert list(dict.fromkeys(ran)) == [file.name for file in files]
