"""Command line of the test cluster."""
import sys
from tests.kind import versions
from tests.kind.gobuild import build
from tests.kind.steps import Steps
s = Steps()
tools = [versions.KIND, versions.REGISTRY, *versions.NODE_TOOLS, versions.KWOK]
for t in tools:
    if len(sys.argv) > 1 and t.name not in sys.argv[1:]: continue
    with s.step(f"build {t.key}") as st:
        build(t, st)
print(s.table())
