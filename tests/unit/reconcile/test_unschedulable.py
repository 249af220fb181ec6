from __future__ import annotations

import pytest

from qwen3_operator.reconcile.unschedulable import explain


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            '0/2 nodes are available: persistentvolumeclaim "weights" not found. not found',
            'PersistentVolumeClaim "weights" does not exist',
        ),
        ("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found", "has no volume yet"),
        (
            (
                "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: true}, 2 Insufficient nvidia.com/gpu. "
                "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
            ),
            (
                "no node of 3 fits: 1 node with a taint that is not tolerated (gpu: true); "
                "2 nodes without enough free nvidia.com/gpu"
            ),
        ),
        (
            (
                "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, "
                "1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate"
            ),
            "1 node outside the pool",
        ),
        ("0/1 nodes are available: 1 node(s) had volume node affinity conflict.", "out of reach of the volume"),
        (
            (
                "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and "
                "ReadWriteOncePod access mode."
            ),
            "1 node where another pod has the claim, whose access mode ReadWriteOncePod admits one pod",
        ),
        ("0/1 nodes are available: 1 node(s) were unschedulable.", "1 node cordoned"),
        ("something quite new", "something quite new"),
        ("", "gave no reason"),
    ],
)
def test_the_scheduler_is_put_into_words(message: str, words: str) -> None:
    assert words in explain(message)
