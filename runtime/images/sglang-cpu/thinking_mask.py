"""Gives SGLang's thinking budget the branch for the CPU that its grammars have.

With ``--enable-strict-thinking`` a request without a grammar of its own is masked by XGrammarGrammarBackend, whose
``apply_vocab_mask`` ends with "Unsupported device: cpu" and takes the scheduler down (0.5.23,
sglang/srt/constrained/xgrammar_backend.py); XGrammarGrammar's knows the CPU. On CUDA and Ascend nothing is changed.
"""

# ruff: noqa: INP001 - a build script

from pathlib import Path

MODULE = Path("sglang", "srt", "constrained", "xgrammar_backend.py")
_LACKING = """\
            torch.ops.npu.apply_token_bitmask(logits, vocab_mask)
        else:
"""
_COMPLETE = """\
            torch.ops.npu.apply_token_bitmask(logits, vocab_mask)
        elif logits.device.type == "cpu":
            from xgrammar import apply_token_bitmask_inplace

            apply_token_bitmask_inplace(logits, vocab_mask, backend="cpu")
        else:
"""


def complete(packages: Path) -> None:
    """Add the branch.

    Raises:
        ValueError: the module is not the one this was written for.
    """
    source = (packages / MODULE).read_text()
    if source.count(_LACKING) != 1:
        raise ValueError(f"{MODULE} has changed: see whether the CPU still needs {Path(__file__).name}")
    (packages / MODULE).write_text(source.replace(_LACKING, _COMPLETE))
