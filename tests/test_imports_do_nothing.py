"""Importing does nothing: every module, in a process with an empty environment and an empty folder."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bot", "handlers", "scheduling", "models")

PROBE = """
import importlib, json, os, pathlib, sys, threading

class Watched(dict):
    read = set()
    def __getitem__(self, key):
        self.note(key); return super().__getitem__(key)
    def get(self, key, default=None):
        self.note(key); return super().get(key, default)
    def __contains__(self, key):
        self.note(key); return super().__contains__(key)
    def note(self, key):
        frame = sys._getframe(2)
        if frame.f_code.co_filename.startswith(sys.argv[1] + "/") and "/.venv/" not in frame.f_code.co_filename:
            self.read.add(str(key))

os.environ = Watched(os.environ)
root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root))
names = []
for package in sys.argv[2:]:
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
names += ["migrations"]
for name in names:
    importlib.import_module(name)
print(json.dumps({
    "names": names, "read": sorted(Watched.read), "threads": threading.active_count(),
    "files": sorted(path.name for path in pathlib.Path(".").rglob("*")),
}))
"""


def test_every_module_can_be_imported_with_an_empty_environment_and_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-B", "-c", PROBE, str(ROOT), *PACKAGES],
        capture_output=True, text=True, cwd=tmp_path, env={}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert len(found["names"]) > 100
    assert found["read"] == [], "a module reads the environment when it is imported"
    assert found["files"] == [], "a module makes files when it is imported"
    assert found["threads"] == 1, "a module starts a thread when it is imported"
    assert done.stderr == ""
