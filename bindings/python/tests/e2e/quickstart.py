"""Runs the quick start of a README as it is printed: `quickstart.py README`, in an empty folder.

The blocks of its first workflow are the file that the first line names, the command that runs it, and a program.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def main(readme: str) -> None:
    section = Path(readme).read_text().partition("## A first workflow\n")[2].partition("\n## ")[0]
    (_, handlers), (_, command), (_, program), *_ = FENCE.findall(section)
    Path(handlers.splitlines()[0].removeprefix("# ")).write_text(handlers)
    Path("program.py").write_text(program)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for line in (command, "python program.py"):
        print(f"$ {line.strip()}", flush=True)
        subprocess.run(line, shell=True, check=True, env={**os.environ, "PATH": path}, timeout=120)


if __name__ == "__main__":
    main(sys.argv[1])
