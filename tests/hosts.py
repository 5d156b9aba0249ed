"""Hosts of the tests' own: network namespaces that are joined by a switch, apart from the machine.

Each has its own addresses, ports and interface, and shares the file system with all others. Links
can be cut, and tell how many bytes went over them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

INTERFACE = "net0"
"""What a host calls its only interface."""

END_SECONDS = 5.0


@dataclass(frozen=True)
class Host:
    """A network namespace with one interface."""

    name: str
    address: str
    switch: str
    port: str

    @property
    def command(self) -> Sequence[str]:
        """What runs a command on this host."""
        return ("ip", "netns", "exec", self.name)

    def cut_off(self) -> None:
        """Take the link down, as if the cable was drawn: nobody is told."""
        _ip("-n", self.switch, "link", "set", self.port, "down")

    def join(self) -> None:
        """Take the link up again."""
        _ip("-n", self.switch, "link", "set", self.port, "up")

    def received(self) -> int:
        """Return the bytes that have come in."""
        return int(self._counted()["rx"]["bytes"])

    def sent(self) -> int:
        """Return the bytes that have gone out."""
        return int(self._counted()["tx"]["bytes"])

    def _counted(self) -> dict[str, Any]:
        told = _ip("-n", self.name, "-s", "-j", "link", "show", "dev", INTERFACE)
        counted: dict[str, Any] = json.loads(told)[0]["stats64"]
        return counted


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def _missing() -> str | None:
    """Return what this machine lacks for hosts of our own."""
    if shutil.which("ip") is None:
        return "there is no ip, of the package iproute2"
    name = f"partita-may-{os.getpid()}"
    steps = (
        ("netns", "add", name),
        ("-n", name, "link", "add", "bridge0", "type", "bridge"),
        ("-n", name, "link", "add", "one", "type", "veth", "peer", "name", "other"),
        ("-j", "-n", name, "link", "show"),
    )
    try:
        for step in steps:
            tried = subprocess.run(["ip", *step], capture_output=True, text=True)
            if tried.returncode:
                return f"ip {' '.join(step)} says {tried.stderr.strip()!r}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None


_lacking = _missing()

needs_hosts = pytest.mark.skipif(
    _lacking is not None, reason=f"this machine allows no network namespaces: {_lacking}"
)


@contextmanager
def connected_hosts(number: int) -> Iterator[list[Host]]:
    """Make so many hosts on one network; remove them with all that runs on them.

    The switch between them is in a namespace as well, so that the machine's own network, and that
    of other runs, are not touched.
    """
    run = f"partita-{os.getpid()}"
    switch = f"{run}-switch"
    hosts = [
        Host(name=f"{run}-{at}", address=f"10.213.7.{at + 1}", switch=switch, port=f"port{at}")
        for at in range(number)
    ]
    made: list[str] = []
    try:
        _ip("netns", "add", switch)
        made.append(switch)
        _ip("-n", switch, "link", "add", "bridge0", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge0", "up")
        for host in hosts:
            _ip("netns", "add", host.name)
            made.append(host.name)
            pair = ["type", "veth", "peer", "name", INTERFACE, "netns", host.name]
            _ip("-n", switch, "link", "add", host.port, *pair)
            _ip("-n", switch, "link", "set", host.port, "master", "bridge0", "up")
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", INTERFACE)
            for interface in ("lo", INTERFACE):
                _ip("-n", host.name, "link", "set", interface, "up")
        yield hosts
    finally:
        left = [pid for name in made for pid in _pids(name)]
        for name in made:
            _ip("netns", "del", name)
        assert not left, f"processes were left on the hosts: {left}"


def _pids(name: str) -> list[str]:
    """Return the processes in a namespace, once those that end have done so."""
    deadline = time.monotonic() + END_SECONDS
    while (found := _ip("netns", "pids", name).split()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
