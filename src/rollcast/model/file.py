"""The model file: a safetensors container with a JSON spec and named sections.

A file holds the arrays of the model ("network/…", "scaling/…", "calibration/…", "history/…") and,
in the safetensors metadata, four strings: what the file is, the version of the format, the spec
(JSON) and a SHA-256 over spec and arrays. Nothing in it is ever executed, sizes are taken from
what is really there, and damage anywhere is noticed. Any safetensors reader can open it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from rollcast.atomic import whole_file
from rollcast.errors import ModelFileError

KIND = "rollcast model"
VERSION = 1
"""Version of the format. A file of version n loads in every later version."""

MAY_BE_MISSING = ("history/", "calibration/scores")
"""Sections whose numbers may be missing: values that were not observed, and how far off forecasts
of them were."""

ROOMS = ("network", "scaling", "calibration", "history", "stream")
"""First parts of the names a section may have."""

# safetensors' names of the types a section may have, all little-endian.
DTYPES = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write_model(
    path: str | os.PathLike[str], spec: dict[str, Any], sections: dict[str, np.ndarray]
) -> None:
    """Write ``spec`` and ``sections`` to ``path``; the file appears whole or not at all.

    ``spec`` is anything JSON can say; sections are arrays of float32, float64, int64 or uint8.
    Raises OSError when the folder cannot be written.
    """
    with whole_file(path) as file:
        file.write(pack_container(KIND, spec, sections))


def pack_container(kind: str, spec: dict[str, Any], sections: dict[str, np.ndarray]) -> bytes:
    """``spec`` and ``sections`` in one container, which says that it is a ``kind``."""
    arrays = {name: np.ascontiguousarray(array) for name, array in sections.items()}
    for name, array in arrays.items():
        if array.dtype not in _NAMES or name.split("/")[0] not in ROOMS:
            raise ValueError(f"section {name!r} with dtype {array.dtype} has no place in a model")
    text = json.dumps(spec, allow_nan=False)
    metadata = {
        "kind": kind,
        "version": str(VERSION),
        "spec": text,
        "sha256": _checksum(text, arrays),
    }
    return _container(metadata, arrays)


def read_model(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return ``(spec, sections)`` of the model file at ``path``; the arrays are read-only.

    Numbers are finite, but for those of MAY_BE_MISSING, which may be NaN. Raises ModelFileError for
    a file that is absent, damaged, truncated, foreign, or of a newer format.
    """
    where = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"{where}: cannot be read ({error.strerror or error}). Give the path of a model saved "
            "with save()."
        ) from error
    return unpack_container(where, data, KIND)


def unpack_container(
    where: str, data: bytes, kind: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return ``(spec, sections)`` of a container of that ``kind``, called ``where`` in messages.

    Raises ModelFileError as ``read_model``.
    """
    header = _read_header(where, data)
    metadata = _identify(where, header, kind)
    sections = _read_sections(where, header, data)
    text = metadata["spec"]
    if _checksum(text, sections) != metadata.get("sha256"):
        raise _damaged(where, "its checksum does not match its contents")
    try:
        spec = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(where, "its spec is not JSON") from error
    if not isinstance(spec, dict):
        raise _damaged(where, "its spec is not a JSON object")
    for name, array in sections.items():
        if array.dtype.kind == "f":
            missing = name.startswith(MAY_BE_MISSING)
            bad = np.isinf(array) if missing else ~np.isfinite(array)
            if bad.any():
                raise _damaged(where, f"section {name!r} holds numbers that are not finite")
    return spec, sections


def field(spec: dict[str, Any], name: str, *kinds: type) -> Any:
    """Return ``spec[name]``, of one of the types ``kinds`` (bool is no int here, int is a float).

    Raises ModelFileError when it is absent or of another type.
    """
    if name not in spec:
        raise ModelFileError(f"the model's spec has no {name!r}. It was not written by save().")
    value = spec[name]
    allowed = (*kinds, int) if float in kinds else kinds
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise ModelFileError(
            f"the model's spec has {name!r} = {str(value)[:40]!r} where {expected} was expected. "
            "It was not written by save()."
        )
    return value


def section(
    sections: dict[str, np.ndarray], name: str, dtype: str, shape: tuple[int | None, ...]
) -> np.ndarray:
    """Return the section ``name``, of the given dtype and shape (None = any length).

    Raises ModelFileError when it is absent or different.
    """
    if name not in sections:
        raise ModelFileError(f"the model has no section {name!r}. The file is not complete.")
    array = sections[name]
    fits = len(array.shape) == len(shape) and all(
        expected is None or expected == found
        for expected, found in zip(shape, array.shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        raise ModelFileError(
            f"section {name!r} of the model is {array.dtype} {array.shape} where {dtype} "
            f"{tuple('any' if n is None else n for n in shape)} was expected."
        )
    return array


def pack_strings(strings: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(bytes uint8, ends int64)``: the strings as UTF-8, and where each one ends."""
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def unpack_strings(data: np.ndarray, ends: np.ndarray) -> list[str]:
    """Return the strings that ``pack_strings`` packed; raises ModelFileError on nonsense."""
    limits = [0, *ends.tolist()]
    if limits != sorted(limits) or limits[-1] != data.size:
        raise ModelFileError("the model's names do not fit together. The file is damaged.")
    whole = data.tobytes()
    try:
        return [
            whole[start:end].decode("utf-8", "surrogatepass")
            for start, end in itertools.pairwise(limits)
        ]
    except UnicodeDecodeError as error:
        raise ModelFileError("the model's names are not text. The file is damaged.") from error


def _container(metadata: dict[str, str], arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a safetensors file; wide types first, so that every section is aligned.

    Written here and not by the library, whose metadata come in another order in every process: the
    same model shall give the same bytes.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    position = 0
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    for name in names:
        array = arrays[name]
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    body = (arrays[name].tobytes() for name in names)
    return b"".join([len(text).to_bytes(8, "little"), text, *body])


def _damaged(where: str, what: str) -> ModelFileError:
    return ModelFileError(
        f"{where}: {what}. The file is damaged or not rollcast's; save the model again."
    )


def _read_header(where: str, data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise _damaged(where, f"it is cut short or no model file ({len(data)} bytes)")
    try:
        header = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError) as error:
        raise _damaged(where, "it does not begin as a model file does") from error
    if not isinstance(header, dict):
        raise _damaged(where, "it does not begin as a model file does")
    return header


def _identify(where: str, header: dict[str, Any], kind: str) -> dict[str, str]:
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or metadata.get("kind") != kind:
        found = metadata.get("kind") if isinstance(metadata, dict) else None
        raise ModelFileError(
            f"{where}: this is {found or 'a safetensors file'!r}, where {kind!r} was expected. "
            f"Give a {kind}."
        )
    version = metadata.get("version")
    if not isinstance(version, str) or not version.isascii() or not version.isdigit():
        raise _damaged(where, "it does not say its version")
    if len(version) > 9 or int(version) > VERSION:
        raise ModelFileError(
            f"{where}: written in format {version[:9]}; this rollcast reads formats up to "
            f"{VERSION}. Install a newer rollcast."
        )
    if not isinstance(metadata.get("spec"), str):
        raise _damaged(where, "it holds no spec")
    return metadata


def _read_sections(where: str, header: dict[str, Any], data: bytes) -> dict[str, np.ndarray]:
    start = 8 + int.from_bytes(data[:8], "little")
    sections = {}
    covered = start
    entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
    try:
        entries.sort(key=lambda item: item[1]["data_offsets"])
        for name, entry in entries:
            dtype = DTYPES[entry["dtype"]]
            shape = tuple(entry["shape"])
            first, last = entry["data_offsets"]
            count = 1
            for length in shape:
                if type(length) is not int or length < 0:
                    raise ValueError(name)
                count *= length
            # Sections lie one after another and fill the file: nothing is allocated by its word.
            if type(first) is not int or first + start != covered or last + start > len(data):
                raise ValueError(name)
            if last - first != count * dtype.itemsize or name.split("/")[0] not in ROOMS:
                raise ValueError(name)
            sections[name] = np.frombuffer(data, dtype, count, covered).reshape(shape)
            covered = start + last
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise _damaged(where, "its table of contents does not fit its contents") from error
    if covered != len(data):
        raise _damaged(where, "it is longer or shorter than its table of contents says")
    return sections


def _checksum(text: str, sections: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for name in sorted(sections):
        array = sections[name]
        shape = ",".join(map(str, array.shape))
        title = f"\n{name} {array.dtype.str.lstrip('<|=')} {shape}\n"
        digest.update(title.encode("utf-8", "surrogatepass"))
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return digest.hexdigest()
