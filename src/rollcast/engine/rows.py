"""The native module, the instruction set in use and the threads."""

import os

from rollcast.errors import EngineError, UsageError

try:
    from rollcast import _native
except ImportError as error:  # a platform without a wheel, or a source tree that was never built
    raise EngineError(
        f"rollcast's native engine could not be loaded ({error}). It is built for Linux on x86-64 "
        "and arm64 and for macOS on arm64; from a source tree, build it with `pip install .`."
    ) from error

try:
    _native.row()
except ValueError as error:
    raise EngineError(str(error)) from None


def isa() -> str:
    """The instruction set in use: ``avx512``, ``avx2``, ``neon`` or ``portable``."""
    return _native.row()


def isas() -> tuple[str, ...]:
    """The instruction sets that this build has and this processor can run, best first."""
    return tuple(_native.supported_rows())


def select_isa(name: str) -> None:
    """Use another instruction set from here on. Raises EngineError for one that cannot run."""
    try:
        _native.select_row(name)
    except ValueError as error:
        raise EngineError(str(error)) from None


def threads() -> int:
    """How many threads a call may use; by default the CPUs granted to this process, or as many as
    the team that is shared has."""
    return _native.threads()


def set_threads(count: int | None) -> None:
    """Use at most ``count`` threads; None: the CPUs granted. No result depends on it."""
    if count is not None and count < 1:
        raise UsageError(f"threads must be at least 1, not {count}")
    _native.set_threads(count or 0)


_products = "plain"


def products() -> str:
    """How inference multiplies float32 numbers: ``plain`` (the default) or ``bfloat16``."""
    return _products


def bfloat16_units() -> tuple[str, ...]:
    """The processor's units for products in bfloat16, best first: ``tiles`` (AMX), ``pairs``
    (AVX512-BF16); empty where it has none. ``ROLLCAST_BFLOAT16`` names another than the first."""
    return tuple(_native.bfloat16_units())


def set_products(name: str) -> None:
    """From here on, let inference in float32 multiply in ``bfloat16``, or ``plain`` again.

    With ``bfloat16`` weights, inputs and h are rounded to 8 bits of mantissa for the products
    alone; sums, gates and states stay float32. Outputs then differ by up to 1e-2 of the largest one
    (random weights; LSTM and GRU some 2e-3). Training, float64, and weights that are packed already
    are as they were. Raises EngineError where the processor has no unit for it.
    """
    global _products
    if name not in ("plain", "bfloat16"):
        raise UsageError(f"products={name!r}: expected 'plain' or 'bfloat16'")
    if name == "bfloat16" and not bfloat16_units():
        raise EngineError(
            f"products in bfloat16 need the avx512 row ({isa()} is in use) and a processor with "
            "AMX or AVX512-BF16; stay with 'plain'"
        )
    _products = name


def share_team(library: str | None) -> bool:
    """Run the engine on the OpenMP threads of a loaded library, given its file; None: on its own.

    False, and nothing changes, when there is no such team. Two pools that wait spinning keep each
    other off the cores; no result depends on it.
    """
    return _native.share_team(library)


if os.environ.get("ROLLCAST_THREADS"):
    try:
        set_threads(int(os.environ["ROLLCAST_THREADS"]))
    except ValueError:
        raise EngineError(
            f"ROLLCAST_THREADS is {os.environ['ROLLCAST_THREADS']!r}; expected a whole number ≥ 1"
        ) from None
