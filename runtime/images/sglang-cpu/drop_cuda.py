"""Replace the CUDA half of a PyPI torch by stand-in libraries, for an engine that only ever runs on the CPU.

PyPI's x86-64 torch is a CUDA build: its Python extension links against libtorch_cuda and nine NVIDIA libraries, 4 GB
that a CPU never runs. The loader only wants those names and symbols to exist. This script reads which symbols the
remaining torch libraries take from them and builds, with gcc, one small library per name:

* the CUDA runtime answers "no CUDA device" (100), so `torch.cuda.is_available()` is False;
* any other function prints its name and aborts, should anything ever call it;
* C++ type informations are real ones, since pybind11 reads their names at import.

Nothing of SGLang or of torch's CPU code changes. A torch that is not a CUDA build (PyPI's arm64 wheel) is left alone.
"""

# ruff: noqa: INP001, S603, T201 - a build script: no package, runs the tools of the build, talks to its log

import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

DROPPED = ("libtorch_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so")
CUDA = ("libtorch_cuda", "libcu", "libnccl", "libnv")
# Called at import: each returns a reference to a global that torch then sets.
# The two that torch.distributed calls while it is imported. One makes the default value of an argument: zeroed fields
# behind the real table of methods do. The other returns a reference to a global that torch then sets.
AT_IMPORT = {
    "_ZN4c10d16ProcessGroupNCCL7OptionsC1Eb": """
void _ZN4c10d16ProcessGroupNCCL7OptionsC1Eb(void **self) {
    memset(self, 0, malloc_usable_size(self));
    *self = _ZTVN4c10d16ProcessGroupNCCL7OptionsE + 2;
}""",
    "_ZN4c10d15get_gil_checkerEv": "void *_ZN4c10d15get_gil_checkerEv(void) { static void *slot; return &slot; }",
}
NO_DEVICE = 100  # cudaErrorNoDevice

PRELUDE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <malloc.h>
#include <string.h>
extern char _ZTVN10__cxxabiv117__class_type_infoE[];
extern void *_ZTVN4c10d16ProcessGroupNCCL7OptionsE[] __attribute__((weak));
struct type_info { const void *vtable; const char *name; };
__attribute__((unused, noreturn)) static void absent(const char *symbol) {
    fprintf(stderr, "%s: this torch has had its CUDA libraries removed\n", symbol);
    abort();
}
"""


def run(*command: str) -> str:
    """Return the standard output of `command`; raises CalledProcessError when it fails."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(library: Path, which: str) -> set[str]:
    """Return the dynamic symbols of `library`, NAME or NAME@VERSION; weak undefined ones may stay absent."""
    lines = [line.split() for line in run("nm", "-D", which, str(library)).splitlines()]
    return {line[-1].replace("@@", "@") for line in lines if line[-2] != "w"}


def needed(library: Path) -> set[str]:
    """Return the names of the libraries that `library` lists as NEEDED."""
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", str(library))))


def definition(symbol: str, library: str) -> str:
    """Return the C definition of the stand-in for one undefined symbol."""
    if symbol.startswith("_ZTI"):
        return f'struct type_info {symbol} = {{_ZTVN10__cxxabiv117__class_type_infoE + 16, "{symbol[4:]}"}};'
    if symbol.startswith("_ZTV"):
        return f"void *{symbol}[64];"
    return function(symbol, library)


def function(symbol: str, library: str) -> str:
    """Return the C definition of the stand-in for one function."""
    if symbol in {"cudaGetErrorString", "cudaGetErrorName"}:
        return f'const char *{symbol}(void) {{ return "no CUDA device: CUDA was removed from this torch"; }}'
    if library.startswith("libcudart"):
        return f"int {symbol}(void) {{ return {NO_DEVICE}; }}"
    return AT_IMPORT.get(symbol, f'void {symbol}(void) {{ absent("{symbol}"); }}')


def build(directory: Path, library: str, names: Iterable[str]) -> None:
    """Compile `directory`/`library`, which defines `names` under the version that carries the library's own name."""
    source = PRELUDE + "\n".join(definition(name, library) for name in sorted(names))
    with tempfile.TemporaryDirectory() as work:
        code, versions = Path(work, "standin.c"), Path(work, "standin.map")
        code.write_text(source)
        versions.write_text(f"{library} {{ global: *; }};\n")
        options = ["-shared", "-fPIC", "-Os", "-s", "-fno-builtin", "-w", f"-Wl,-soname,{library}"]
        if not library.startswith("libtorch"):
            options.append(f"-Wl,--version-script={versions}")
        run("gcc", *options, "-o", str(directory / library), str(code), "-l:libstdc++.so.6")


def replace(torch: Path) -> None:
    """Replace the CUDA libraries of the package folder `torch`; raises CalledProcessError if gcc or nm fails."""
    directory = torch / "lib"
    cuda = directory / DROPPED[0]
    if not cuda.exists():
        print("torch is no CUDA build: nothing to drop")
        return
    from_cuda = {
        name.partition("@")[0]
        for library in DROPPED
        if (directory / library).exists()
        for name in symbols(directory / library, "--defined-only")
    }
    for name in DROPPED:
        (directory / name).unlink(missing_ok=True)
    kept = sorted(directory.glob("*.so*"))
    defined = {name.partition("@")[0] for library in kept for name in symbols(library, "--defined-only")}
    undefined = {name for library in kept for name in symbols(library, "--undefined-only")}
    wanted: dict[str, set[str]] = {name: set() for name in set().union(*map(needed, kept)) if name.startswith(CUDA)}
    for name, _, version in (symbol.partition("@") for symbol in undefined):
        owner = version or (DROPPED[0] if name in from_cuda else "")
        if name not in defined and owner in wanted:
            wanted[owner].add(name)
        elif name.startswith(("nccl", "cuFile")):
            wanted["libnccl.so.2" if name.startswith("nccl") else "libcufile.so.0"].add(name)
    for library, names in sorted(wanted.items()):
        build(directory, library, names)
        print(f"{library}: stand-in with {len(names)} symbols")
