"""The edge: files and a program below a folder that stands for the container's root."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from qwen3_runtime.config import Group
from qwen3_runtime.preflight import Places, check, look, tool, verdict
from qwen3_runtime.preflight.machine import ELF_HEADER, of_program
from qwen3_runtime.preflight.sockets import HCCL_PORTS, network
from tests.unit.runtime.preflight.samples import DATA, recorded, wanted

INFO = "usr/local/Ascend/{}/ascend_toolkit_install.info"


def container(root: Path, answers: str, devices: int = 2) -> Places:
    """A container root with devices and an npu-smi that answers out of the recordings."""
    (root / "dev").mkdir()
    for number in range(devices):
        (root / "dev" / f"davinci{number}").touch()
    (root / "dev" / "davinci_manager").touch()
    write(root, "usr/local/bin/npu-smi", f'#!/bin/sh\ncase "$*" in\n{answers}\nesac\n').chmod(0o755)
    return Places(root, {"PATH": ""})


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def shows(words: str, name: str) -> str:
    return f'"{words}") /bin/cat "{DATA / name}";;'


def test_an_a3_container_is_read_whole(tmp_path: Path) -> None:
    board = shows("info -t board -i 2 -c 0", "npu-smi-board-910c.txt")
    places = container(tmp_path, "\n".join((shows("info", "npu-smi-910c.txt"), board)))
    write(tmp_path, "usr/local/Ascend/driver/version.info", recorded("driver-25.3.rc1.txt"))
    write(tmp_path, INFO.format("cann/aarch64-linux"), recorded("cann-8.5.0-aarch64.txt"))
    found = look(places, None)
    assert found.devices == ("davinci0", "davinci1")
    assert [(chip.place, chip.name) for chip in found.chips] == [
        ("NPU 2 chip 0", "Ascend910_9392"),
        ("NPU 2 chip 1", "Ascend910_9392"),
    ]
    assert (found.driver, found.cann, found.cann_machine) == ("25.3.rc1", "8.5.0", "aarch64")
    assert (found.machine, found.network, found.chips_unknown) == (os.uname().machine, None, "")


def test_without_the_drivers_file_npu_smi_says_its_version(tmp_path: Path) -> None:
    found = look(container(tmp_path, shows("info", "npu-smi-910b3.txt")), None)
    assert (found.driver, len(found.chips)) == ("25.2.0", 8)


def test_where_the_table_is_not_known_the_mapping_names_the_chips(tmp_path: Path) -> None:
    answers = "\n".join(('info) echo "another table";;', shows("info -m", "npu-smi-m-910b4.txt")))
    found = look(container(tmp_path, answers), None)
    assert [chip.name for chip in found.chips] == ["Ascend910B4", "Ascend910B4"]
    plan = wanted(devices=2, chips=("910B4",))
    assert verdict(check(found, plan)) is None


def test_a_device_that_another_container_holds_is_said_and_lets_pass(tmp_path: Path) -> None:
    places = container(tmp_path, f'*) /bin/cat "{DATA / "npu-smi-used.txt"}"; exit 1;;')
    found = look(places, None)
    assert found.chips == ()
    assert found.chips_unknown.startswith("npu-smi: dcmi model initialized failed, because the device is used")
    assert verdict(check(found, wanted(devices=2))) is None


def test_a_hanging_npu_smi_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "SECONDS", 0.2)
    found = look(container(tmp_path, "*) exec /bin/sleep 20;;"), None)
    assert found.chips_unknown == "npu-smi gave no answer in 0.2 s"


def test_a_program_that_cannot_be_run_is_said(tmp_path: Path) -> None:
    places = container(tmp_path, "")
    (tmp_path / "usr/local/bin/npu-smi").write_bytes(b"\x7fELF" + bytes(60))
    assert look(places, None).chips_unknown == "npu-smi cannot be run: Exec format error"


def test_an_empty_container_has_nothing_and_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    found = look(Places(tmp_path, {"PATH": ""}), None)
    assert (found.devices, found.chips, found.driver, found.cann) == ((), (), None, None)
    failure = verdict(check(found, wanted()))
    assert failure is not None
    assert failure.reason == "DeviceMissing"


def test_a_dev_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert look(Places(tmp_path, {"PATH": ""}), None).devices is None


def test_the_toolkit_of_the_own_architecture_counts(tmp_path: Path) -> None:
    own = os.uname().machine
    for machine in ("aarch64", "x86_64"):
        text = recorded("cann-8.5.0-aarch64.txt").replace("aarch64", machine)
        write(tmp_path, INFO.format(f"cann/{machine}-linux"), text)
    assert look(Places(tmp_path, {"PATH": ""}), None).cann_machine == own


@pytest.mark.parametrize("variable", ["ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH"])
def test_the_images_own_variable_comes_first_and_the_cfg_will_do(tmp_path: Path, variable: str) -> None:
    write(tmp_path, INFO.format("cann/aarch64-linux"), recorded("cann-8.5.0-aarch64.txt"))
    write(tmp_path, "opt/cann/version.cfg", recorded("cann-8.0.0.cfg"))
    places = Places(tmp_path, {"PATH": "", variable: str(tmp_path / "opt/cann")})
    assert look(places, None).cann == "8.0.0"


def test_programs_say_what_they_were_built_for() -> None:
    with Path(sys.executable).resolve().open("rb") as program:
        assert of_program(program.read(ELF_HEADER)) == os.uname().machine
    assert of_program(b"#!/bin/sh\nexec something\n") is None
    assert of_program(b"") is None


def test_a_port_that_somebody_listens_on_is_busy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        environment = {"HCCL_IF_BASE_PORT": str(port)}
        assert port in network(environment, Group(nodes=2, rank=1)).busy_ports
        leader = Group(nodes=2, port=port)
        assert port in network({"HCCL_IF_BASE_PORT": "1"}, leader).busy_ports
        assert port not in network({"HCCL_IF_BASE_PORT": "1"}, Group(nodes=2, rank=1, port=port)).busy_ports


def test_ports_end_where_the_numbers_do() -> None:
    assert (
        len(network({"HCCL_IF_BASE_PORT": str(65536 - HCCL_PORTS // 2)}, Group(nodes=2, rank=1)).busy_ports)
        < HCCL_PORTS
    )


def test_an_address_comes_before_the_rule() -> None:
    group, rule = Group(nodes=2, rank=1), {"HCCL_SOCKET_IFNAME": "nothing"}
    assert network(rule, group).rule == "nothing"
    assert network({**rule, "HCCL_IF_IP": "10.0.0.1"}, group).rule == ""
