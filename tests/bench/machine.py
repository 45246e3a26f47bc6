"""What processes take of the machine, and what others do."""

import os
import time
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """User and system time in seconds, the most memory that was resident at a time, in kB, and how long the main thread
    was ready to run and had no core.
    """

    cpu_s: float
    peak_kb: int
    waited_s: float = 0


def field_kb(path, name):
    try:
        with open(path, encoding="ascii") as lines:
            found = [line.split()[1] for line in lines if line.startswith(name + ":")]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return int(found[0]) if found else 0


def peak_kb(pid):
    return field_kb(f"/proc/{pid}/status", "VmHWM")


def waited_s(pid):
    """How long the main thread of a process was ready to run and had no core."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as numbers:
            return int(numbers.read().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0


def tree(pid):
    """A process and everything that descends from it."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as children:
                found.extend(int(child) for child in children.read().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def together_kb(pid):
    """What a process and its children hold, memory that they share counted once."""
    return sum(field_kb(f"/proc/{one}/smaps_rollup", "Pss") for one in tree(pid))


def busy_s():
    """CPU time of everybody since the machine started."""
    with open("/proc/stat", encoding="ascii") as lines:
        user, nice, system, _idle, _wait, irq, softirq = map(int, lines.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICK


def cores():
    return len(os.sched_getaffinity(0))


def model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else os.uname().machine


def calm(patience_s, share=0.05, window_s=5):
    """Waits until the machine has little else to do. False where it did not come to rest in time."""
    end = time.monotonic() + patience_s
    while True:
        before = busy_s()
        time.sleep(window_s)
        if busy_s() - before < share * window_s * cores():
            return True
        if time.monotonic() > end:
            return False
