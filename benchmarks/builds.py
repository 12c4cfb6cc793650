"""What is measured: this build, and with `--against` one of an older revision, made beside it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Build:
    """An installed Dragoman."""

    name: str
    root: Path
    """Its checkout, which has benchmarks of its own."""
    python: Path

    @property
    def program(self) -> str:
        """The command that starts it."""
        return str(self.python.parent / "dragoman")

    def fill_book(self, database: Path, contacts: int) -> None:
        """Adds a list of contacts to a database of this build's schema."""
        code = "import sys; from pathlib import Path; from benchmarks import book; "
        code += "book.fill(Path(sys.argv[1]), int(sys.argv[2]))"
        command = [str(self.python), "-c", code, str(database), str(contacts)]
        subprocess.run(command, check=True, cwd=self.root)


HERE = Build("dragoman", ROOT, Path(sys.executable))


@contextlib.contextmanager
def built(revision: str, folder: Path) -> Iterator[Build]:
    """Builds a revision in a worktree below a folder, removed at the end."""
    root = folder / "revision"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", "-q", str(root), revision], check=True)
    try:
        subprocess.run([str(root / "script" / "setup")], check=True, stdout=subprocess.DEVNULL)
        yield Build(f"dragoman {revision}", root, root / ".venv" / "bin" / "python")
    finally:
        subprocess.run([*git, "remove", "--force", str(root)], check=True)
