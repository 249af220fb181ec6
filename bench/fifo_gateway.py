"""The gateway with plain first-in-first-out in place of its queue, to compare with; no product has this order."""

from __future__ import annotations

import math
import sys

from typing_extensions import override

from qwen3_runtime.gateway import dispatch, main
from qwen3_runtime.gateway.queue import FairQueue, Waiting


class FifoQueue(FairQueue):
    """All are of one tenant and one level, and none is late: only the order of arrival is left."""

    @override
    def push(self, tenant: str, *, level: int, weight: float, work: float, start_by: float) -> Waiting:
        return super().push("", level=0, weight=1.0, work=work, start_by=math.inf)


if __name__ == "__main__":
    dispatch.FairQueue = FifoQueue  # type: ignore[attr-defined]
    sys.exit(main.main())
