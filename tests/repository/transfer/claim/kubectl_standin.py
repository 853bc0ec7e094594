"""A stand-in for kubectl: it keeps claims as folders, and runs what is exec'd with this machine's
own sh and coreutils. It has never been near a cluster, and shows nothing of one: what a real API
server, kubelet or container runtime does was read, and not run.

It is an executable on PATH whose state lies in the folder that KUBECTL_STATE names: ``claims/`` (a
folder a claim), ``pods/`` and ``deleted/`` (their objects), ``log`` (each call, a line), and
``faults.json``. A fault is used up, unless it is one of what the cluster is like.
"""

# ruff: noqa: PTH104, PTH110, PTH118, PTH123, PTH208
# pathlib takes longer to import than all the rest takes to run.
from __future__ import annotations

import contextlib
import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, NoReturn

STATE = os.environ["KUBECTL_STATE"]
CHUNK = 1 << 14


def fail(said: str, code: int = 1) -> NoReturn:
    print(said, file=sys.stderr)
    raise SystemExit(code)


def read(*path: str) -> str:
    with open(os.path.join(STATE, *path)) as file:
        return file.read()


def write(text: str, *path: str, mode: str = "w") -> None:
    with open(os.path.join(STATE, *path), mode) as file:
        file.write(text)


def faults() -> dict[str, Any]:
    with contextlib.suppress(OSError):
        known: dict[str, Any] = json.loads(read("faults.json"))
        return known
    return {}


def take(name: str) -> bool:
    """Whether a fault is due; each happens as often as its number says."""
    known = faults()
    if known.get(name, 0) <= 0:
        return False
    known[name] -= 1
    write(json.dumps(known), "faults.json")
    return True


def pod_of(name: str) -> dict[str, Any]:
    try:
        pod: dict[str, Any] = json.loads(read("pods", name))
        return pod
    except OSError:
        fail(f'Error from server (NotFound): pods "{name}" not found')


def get(kind: str, arguments: list[str]) -> Any:
    named = [each for each in arguments if not each.startswith("-")]
    known = faults()
    if "unreachable" in known:
        fail(
            "The connection to the server 127.0.0.1:1 was refused - did you specify the "
            "right host or port?"
        )
    if kind.startswith("persistentvolumeclaim"):
        claims = [
            {
                "metadata": {"name": each},
                "spec": {"accessModes": known.get("modes", ["ReadWriteOnce"])},
                "status": {"phase": known.get("claim", "Bound")},
            }
            for each in sorted(os.listdir(os.path.join(STATE, "claims")))
        ]
        if not named:
            return {"items": claims}
        found = [each for each in claims if each["metadata"]["name"] == named[0]]
        return (
            found[0]
            if found
            else fail(
                f'Error from server (NotFound): persistentvolumeclaims "{named[0]}" not found'
            )
        )
    if kind == "pods":
        return {"items": known.get("users", [])}
    if kind == "events":
        return {"items": known.get("events", [])}
    pod = pod_of(named[0])
    running = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
    return pod | {"status": known.get("status", running)}


def create() -> None:
    pod = json.load(sys.stdin)
    if "refused" in faults():
        fail(faults()["refused"])
    write(json.dumps(pod), "pods", pod["metadata"]["name"])


def delete(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rename(os.path.join(STATE, "pods", name), os.path.join(STATE, "deleted", name))


def execute(name: str, command: list[str]) -> NoReturn:
    """Run a command against the folder of the pod's claim, passing bytes on in both directions."""
    import subprocess
    import threading

    spec = pod_of(name)["spec"]
    mount = spec["containers"][0]["volumeMounts"][0]["mountPath"]
    claimed = spec["volumes"][0]["persistentVolumeClaim"]["claimName"]
    claim = os.path.join(STATE, "claims", claimed)
    here = [
        claim + each.removeprefix(mount) if each.startswith(mount) else each for each in command
    ]
    environment = {"PATH": os.environ["STANDIN_PATH"], "LC_ALL": "C"}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        here, stdin=pipe, stdout=pipe, env=environment, start_new_session=True
    )
    assert process.stdin and process.stdout
    writing, reading = process.stdin, process.stdout
    known = faults()
    # Only what is done with a model goes wrong, and not the questions before it.
    aimed = any(each.endswith("model.onnx") for each in command)
    dies = {
        each: aimed and take(each) for each in ("dies_writing", "dies_reading", "dies_answering")
    }
    flips = {each: aimed and take(each) for each in ("flips_writing", "flips_reading")}
    passed = {"in": 0, "out": 0}

    def pause() -> None:
        time.sleep(known.get("slow", 0))
        while aimed and os.path.exists(os.path.join(STATE, "held")):
            time.sleep(0.02)

    def inwards() -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(0, CHUNK):
                pause()
                if flips["flips_writing"] and not passed["in"]:
                    chunk = bytes([chunk[0] ^ 1]) + chunk[1:]
                passed["in"] += len(chunk)
                writing.write(chunk)
                writing.flush()
                if "full" in known and passed["in"] > known["full"]:
                    print("head: write error: No space left on device", file=sys.stderr)
                    process.kill()
                    os._exit(97)
                if dies["dies_writing"] and passed["in"] > known.get("after", 0):
                    break
        with contextlib.suppress(OSError):
            writing.close()

    threading.Thread(target=inwards, daemon=True).start()
    while chunk := os.read(reading.fileno(), CHUNK):
        pause()
        if dies["dies_answering"] or dies["dies_writing"]:
            die(process)
        if flips["flips_reading"] and len(chunk) > 1000:
            flips["flips_reading"] = False
            chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
        passed["out"] += len(chunk)
        os.write(1, chunk)
        if dies["dies_reading"] and passed["out"] > known.get("after", 0):
            die(process)
    os._exit(process.wait())


def die(process: subprocess.Popen[bytes]) -> NoReturn:
    """As a connection that breaks: the command in the pod sees the end of its input."""
    assert process.stdin and process.stdout
    with contextlib.suppress(OSError):
        process.stdin.close()
    while os.read(process.stdout.fileno(), CHUNK):
        pass
    print("error: unexpected EOF", file=sys.stderr, flush=True)
    os._exit(1)


def main() -> None:
    arguments = [
        each
        for each in sys.argv[1:]
        if not each.startswith(("--namespace", "--context", "--kubeconfig"))
    ]
    write(" ".join(sys.argv[1:]).partition(" -- ")[0] + "\n", "log", mode="a")
    verb, *rest = arguments
    if verb == "get":
        print(json.dumps(get(rest[0], rest[1:])))
    elif verb == "create":
        create()
    elif verb == "delete":
        delete(rest[1])
    elif verb == "exec":
        dash = rest.index("--")
        name = next(each for each in rest[:dash] if not each.startswith("-"))
        execute(name, rest[dash + 1 :])
    else:
        fail(f'error: unknown command "{verb}"')


main()
