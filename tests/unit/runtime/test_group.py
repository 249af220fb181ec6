"""One pod of a replica over several nodes."""

from __future__ import annotations

import asyncio

import pytest

from qwen3_runtime.config import CONFIG_VARIABLE, GROUP_LEADER_VARIABLE, GROUP_RANK_VARIABLE, Group, Parallelism
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.group import leader_gone
from qwen3_runtime.settings import ConfigError, read_settings
from tests.patience import HANG_SECONDS
from tests.unit.runtime.conftest import make_config

WIDE = make_config(group=Group(nodes=2), parallelism=Parallelism(tensor_parallel=16))


def environ(rank: str = "1", leader: str = "chat-0.chat.team-a") -> dict[str, str]:
    config = WIDE.model_dump_json(by_alias=True)
    return {CONFIG_VARIABLE: config, GROUP_RANK_VARIABLE: rank, GROUP_LEADER_VARIABLE: leader}


def test_a_member_learns_its_place_from_its_environment() -> None:
    worker, leader = (read_settings(environ(rank)).config for rank in ("1", "0"))
    assert worker.group == Group(nodes=2, rank=1, leader="chat-0.chat.team-a")
    assert [worker.answers, leader.answers, make_config().answers] == [False, True, True]


@pytest.mark.parametrize(("rank", "leader"), [("2", "a"), ("", "a"), ("one", "a"), ("1", "")])
def test_a_place_that_cannot_be_is_refused(rank: str, leader: str) -> None:
    with pytest.raises(ConfigError, match="QWEN3_GROUP_"):
        read_settings(environ(rank, leader))


def test_the_engine_meets_the_others_at_the_leader() -> None:
    config = read_settings(environ()).config
    line = " ".join(SGLang().command(config, 30000, (0, 5, 23)).arguments)
    assert "--tp-size 16 --nnodes 2 --node-rank 1 --dist-init-addr chat-0.chat.team-a:20000" in line
    assert "--nnodes" not in SGLang().command(make_config(), 30000, (0, 5, 23)).arguments


async def test_a_worker_stays_as_long_as_its_leader() -> None:
    leader = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = leader.sockets[0].getsockname()[1]
    waiting = asyncio.create_task(leader_gone("127.0.0.1", port, within=10 * HANG_SECONDS))
    await asyncio.sleep(0)
    async with leader:
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
    await asyncio.wait_for(waiting, HANG_SECONDS)


async def test_a_worker_does_not_wait_for_ever() -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as leader:
        port = leader.sockets[0].getsockname()[1]
        await asyncio.wait_for(leader_gone("127.0.0.1", port, within=0.1), HANG_SECONDS)
