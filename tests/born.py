"""`cadence …` in a process of its own that is forked, not started: two seconds of imports are made once a worker.

What is forked has its own environment, folder, streams and signals, as a started one has; only the interpreter's start and
the imports are shared. Some tests start theirs all the same (`anew`), so that both ways are walked in every run; under
coverage all do, because a forked process could not write down what it ran.

`python -m tests.born SOCKET` is the mother: for each connection a JSON object with two file descriptors (output and
errors), answered by the process's id and, when it has ended, by its status; a negative one is a signal.
"""

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_mothers: list[str] = []


def possible(environment: Mapping[str, str]) -> bool:
    """Whether a forked process is as good: what the interpreter reads when it starts, it does not read again."""
    return "COVERAGE_PROCESS_START" not in os.environ and not any(name.startswith("PYTHON") for name in environment)


def bear(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], out: int, err: int) -> socket.socket:
    """Begin a process; what is returned tells its id and its end, each in a line."""
    ask = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        ask.connect(_mother())
        order = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode() + b"\n"
        socket.send_fds(ask, [order[:1]], [out, err])
        ask.sendall(order[1:])
    except BaseException:
        ask.close()
        raise
    return ask


def run(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess:
    """Like `subprocess.run`, with what was said as text."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with bear(arguments, cwd=cwd, env=env, out=out.fileno(), err=err.fileno()) as told:
            told.settimeout(timeout)
            with told.makefile() as lines:
                pid = int(lines.readline())
                try:
                    status = int(lines.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    return subprocess.CompletedProcess(list(arguments), status, *said)


def _mother() -> str:
    """The address of this worker's mother."""
    if not _mothers:
        folder = tempfile.mkdtemp(prefix="cadence-born-")
        address = str(Path(folder) / "mother")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.bind(address)
            door.listen(64)
            env = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.born", str(door.fileno())], stdin=subprocess.PIPE, cwd=ROOT, env=env,
                pass_fds=[door.fileno()], start_new_session=True,
            )  # fmt: skip
        atexit.register(_leave, process, folder)
        _mothers.append(address)
    return _mothers[0]


def _leave(process: subprocess.Popen[bytes], folder: str) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    subprocess.run(["rm", "-rf", folder], check=False)


# The mother's side.


def listen(door: socket.socket) -> None:
    """Until standard input ends."""
    import bot.app
    import bot.cli
    import bot.doctor
    import bot.importing
    import bot.schema
    import bot.trying  # noqa: F401 - what any command imports when it needs it

    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([0, door], [], [])
        if 0 in ready:
            return
        asked, _ = door.accept()
        with asked:
            if os.fork() == 0:
                door.close()
                _attend(asked)


def _attend(asked: socket.socket) -> None:
    """Bear one, tell its id, wait for its end, tell its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    first, (out, err), _, _ = socket.recv_fds(asked, 1, 2)
    with asked.makefile("rb") as lines:
        order = json.loads(first + lines.readline())
    pid = os.fork()
    if pid == 0:
        asked.close()
        _live(order, out, err)
    os.close(out)
    os.close(err)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        asked.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        asked.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _live(order: Mapping[str, object], out: int, err: int) -> None:
    """What `python -m bot.cli …` does; never returns."""
    from bot.cli import main

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    status = 1
    try:
        os.environ.clear()
        os.environ.update(order["env"])  # type: ignore[arg-type]
        os.chdir(str(order["cwd"]))
        sys.argv = [str(ROOT / "bot" / "cli.py"), *order["arguments"]]  # type: ignore[misc]
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - whatever it was, the child must not return into the mother
        traceback.print_exc()
    finally:
        gc.collect()  # what was left open says so now
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    listen(socket.socket(fileno=int(sys.argv[1])))
