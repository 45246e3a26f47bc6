"""The share of a core that Lambda gives to a function by its memory, as a CPU quota of a control group.

Works with control groups of version 2 (`cpu.max`) and 1 (`cpu.cfs_quota_us`).
"""

import os
import subprocess
import time
from pathlib import Path

# Lambda gives a function one whole core at this memory size, and less of it in proportion.
WHOLE_CORE_MB = 1_769
# As short as Firecracker's: with a longer one, a first event that needs little CPU would never meet its limit.
PERIOD_US = 20_000
PROOF_CORES, PROOF_S = 0.1, 0.5
SPIN = 'echo $$ >"$0" && while :; do :; done'
MOUNTS = Path("/proc/self/mounts")
FIX = (
    "run it as root where control groups with the cpu controller are mounted and writable, or with --quick, "
    "which measures without a limit and says so"
)


class Unlimited(Exception):
    """The machine does not let us limit the CPU of a process."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"cannot limit the CPU of a process: {cause}; fix: {FIX}")


def cores_of(memory_mb: int) -> float:
    return min(1.0, memory_mb / WHOLE_CORE_MB)


class Share:
    """A control group."""

    def __init__(self, group: Path, version: int) -> None:
        self.group, self.version = group, version

    @staticmethod
    def make(name: str) -> "Share":
        """A group of that name, or [`Unlimited`] with the cause."""
        group = MOUNTS
        try:
            parent, version = controller()
            group = parent / name
            if version == 2 and "cpu" not in (parent / "cgroup.subtree_control").read_text().split():
                (parent / "cgroup.subtree_control").write_text("+cpu")
            group.mkdir(exist_ok=True)
            share = Share(group, version)
            share.prove()
        except OSError as error:
            raise Unlimited(f"{error.strerror} ({error.filename or group})") from error
        return share

    def prove(self) -> None:
        """A process that wants a whole core gets a tenth of one; a limit that does not hold gives wrong numbers."""
        self.limit(PROOF_CORES)
        spinning = subprocess.Popen(["/bin/sh", "-c", SPIN, str(self.processes)], stderr=subprocess.DEVNULL)
        time.sleep(PROOF_S)
        spinning.kill()
        _, _, spent = os.wait4(spinning.pid, 0)
        spinning.returncode = 0
        cores = (spent.ru_utime + spent.ru_stime) / PROOF_S
        if cores > 2 * PROOF_CORES:
            self.remove()
            raise Unlimited(f"with a quota of {PROOF_CORES} cores a process had {cores:.2f}")

    def limit(self, cores: float) -> None:
        """Holds from the next period on for every process of the group."""
        quota = int(cores * PERIOD_US)
        if self.version == 2:
            self.write("cpu.max", f"{quota} {PERIOD_US}")
        else:
            self.write("cpu.cfs_period_us", str(PERIOD_US))
            self.write("cpu.cfs_quota_us", str(quota))

    def write(self, name: str, text: str) -> None:
        (self.group / name).write_text(text)

    @property
    def processes(self) -> Path:
        """A process whose id is written here is limited from there on."""
        return self.group / "cgroup.procs"

    def remove(self) -> None:
        """The kernel takes a moment to empty the group of a process that has ended."""
        for _ in range(100):
            try:
                self.group.rmdir()
                return
            except OSError:
                time.sleep(0.01)


def controller() -> tuple[Path, int]:
    """Where groups with a CPU quota are made."""
    mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    for _, place, kind, *_ in mounts:
        controllers = Path(place) / "cgroup.controllers"
        if kind == "cgroup2" and "cpu" in controllers.read_text().split():
            return Path(place), 2
    for _, place, kind, choices, *_ in mounts:
        if kind == "cgroup" and "cpu" in choices.split(","):
            return Path(place), 1
    raise Unlimited("no control group of this machine has the cpu controller")
