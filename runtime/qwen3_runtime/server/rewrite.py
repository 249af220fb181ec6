"""A request's body after its fields were changed. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def rewrite(body: bytes, before: Mapping[str, Any], after: Mapping[str, Any]) -> bytes:
    """``body``, whose JSON object ``before`` is, with the fields of ``after``.

    The client's own bytes stay as they are where fields were only added; long prompts are not written anew.
    """
    if after is before:
        return body
    if all(name in after and after[name] is value for name, value in before.items()):
        added = {name: value for name, value in after.items() if name not in before}
        return json.dumps(added).encode()[:-1] + b"," + body.lstrip()[1:] if added and before else body
    return json.dumps(after).encode()
