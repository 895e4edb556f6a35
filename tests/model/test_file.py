import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcast.errors import ModelFileError
from rollcast.model.file import (
    field,
    pack_strings,
    read_model,
    section,
    unpack_strings,
    write_model,
)

SPEC = {"horizon": 3, "hidden": [4, 4], "name": "a – b", "share": 0.5, "season": None}
SECTIONS = {
    "network/weights": np.linspace(-1, 1, 37, dtype=np.float32),
    "scaling/location": np.array([1.5, -2.0]),
    "calibration/scores": np.arange(6.0).reshape(2, 3),
    "history/values": np.array([1.0, np.nan, 3.0]),
    "history/times": np.array([1, 2, 3]),
    "history/names": np.zeros(0, np.uint8),
}


def saved(folder: Path) -> bytes:
    write_model(folder / "model.roll", SPEC, SECTIONS)
    return (folder / "model.roll").read_bytes()


def parts(data: bytes) -> tuple[dict, bytes]:
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def joined(header: object, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def refused(folder: Path, data: bytes, match: str = "bad.roll") -> None:
    path = folder / "bad.roll"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=match):
        read_model(path)


def test_what_is_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    saved(tmp_path)
    spec, sections = read_model(tmp_path / "model.roll")
    assert spec == SPEC
    assert sections.keys() == SECTIONS.keys()
    for name, array in SECTIONS.items():
        assert sections[name].dtype == array.dtype
        assert sections[name].shape == array.shape
        assert sections[name].tobytes() == array.tobytes()


def test_a_model_file_is_a_safetensors_file_that_others_can_read(tmp_path: Path) -> None:
    from safetensors import safe_open

    saved(tmp_path)
    with safe_open(tmp_path / "model.roll", "numpy") as file:
        assert file.metadata()["kind"] == "rollcast model"
        assert json.loads(file.metadata()["spec"]) == SPEC
        for name, array in SECTIONS.items():
            np.testing.assert_array_equal(file.get_tensor(name), array)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    assert saved(tmp_path) == saved(tmp_path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved(tmp_path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_model(tmp_path / "model.roll", {}, {})
    assert (tmp_path / "model.roll").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.roll"]


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    data = saved(tmp_path)
    for length in [*range(0, len(data) - 1, 13), len(data) - 1]:
        refused(tmp_path, data[:length])
    refused(tmp_path, data + b"\0")


def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    data = saved(tmp_path)
    generator = np.random.default_rng(0)
    path = tmp_path / "changed.roll"
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= int(generator.integers(1, 256))
        path.write_bytes(changed)
        try:
            spec, sections = read_model(path)
        except ModelFileError:
            continue
        assert spec == SPEC
        assert all(sections[name].tobytes() == SECTIONS[name].tobytes() for name in SECTIONS)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200), length=st.integers(0, 2**64 - 1))
def test_no_bytes_whatever_raise_anything_but_a_model_file_error(
    data: bytes, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any", numbered=True)
    refused(folder, data)
    refused(folder, struct.pack("<Q", length) + data)
    refused(folder, struct.pack("<Q", len(data)) + data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(
    place=st.sampled_from(["__metadata__", "network/weights", "other"]),
    key=st.sampled_from(["dtype", "shape", "data_offsets", "kind", "version", "spec", "sha256"]),
    value=json_values,
)
def test_a_table_of_contents_with_unexpected_types_is_refused_or_harmless(
    place: str, key: str, value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("types", numbered=True)
    header, body = parts(saved(folder))
    if isinstance(header.get(place), dict) and header[place].get(key) == value:
        return
    header.setdefault(place, {})[key] = value
    (folder / "bad.roll").write_bytes(joined(header, body))
    try:
        spec, _ = read_model(folder / "bad.roll")
    except ModelFileError:
        return
    assert spec == SPEC


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10**18]},
        {"shape": [-37]},
        {"shape": [2**62, 4]},
        {"shape": [True] * 37},
        {"data_offsets": [0, 10**15]},
        {"data_offsets": [-4, 144]},
        {"dtype": "F64"},
        {"dtype": "BF16"},
        {"dtype": ["F32"]},
    ],
)
def test_a_section_that_claims_more_than_the_file_has_is_refused(
    tmp_path: Path, change: dict
) -> None:
    header, body = parts(saved(tmp_path))
    header["network/weights"].update(change)
    refused(tmp_path, joined(header, body), "damaged")


def test_a_newer_format_says_what_to_do(tmp_path: Path) -> None:
    header, body = parts(saved(tmp_path))
    header["__metadata__"]["version"] = "2"
    refused(tmp_path, joined(header, body), "format 2.*newer rollcast")


def test_a_foreign_file_is_named_as_such(tmp_path: Path) -> None:
    from safetensors.numpy import save

    refused(tmp_path, save({"a": np.zeros(3)}), "a safetensors file")
    refused(tmp_path, save({"a": np.zeros(3)}, {"kind": "rollcast checkpoint"}), "checkpoint")
    refused(tmp_path, b"unique_id,ds,y\n" * 20, "model file")
    refused(tmp_path, b"\x80\x04\x95" + bytes(100), "model file")


def test_a_file_that_is_not_there_and_a_folder_are_model_file_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_model(tmp_path / "absent.roll")
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", ["network/weights", "scaling/location", "history/values"])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, name: str) -> None:
    array = SECTIONS[name].copy()
    array[0] = np.inf
    write_model(tmp_path / "bad.roll", SPEC, {**SECTIONS, name: array})
    with pytest.raises(ModelFileError, match="not finite"):
        read_model(tmp_path / "bad.roll")


def test_a_deeply_nested_spec_is_refused(tmp_path: Path) -> None:
    header, body = parts(saved(tmp_path))
    header["__metadata__"]["spec"] = "[" * 200_000
    refused(tmp_path, joined(header, body))
    deep = b"[" * 200_000
    refused(tmp_path, struct.pack("<Q", len(deep)) + deep)


@pytest.mark.parametrize("value", ["3", None, [3], True, 3.5, {"a": 3}])
def test_a_spec_field_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(ModelFileError, match="horizon"):
        field({"horizon": value}, "horizon", int)
    with pytest.raises(ModelFileError, match="horizon"):
        field({}, "horizon", int)
    assert field({"horizon": 3}, "horizon", float) == 3


def test_a_section_of_another_shape_or_type_is_refused() -> None:
    assert section(SECTIONS, "calibration/scores", "f8", (None, 3)).shape == (2, 3)
    for name, dtype, shape in [
        ("calibration/scores", "f8", (None, 4)),
        ("calibration/scores", "f4", (None, 3)),
        ("calibration/scores", "f8", (None,)),
        ("calibration/absent", "f8", (None,)),
    ]:
        with pytest.raises(ModelFileError):
            section(SECTIONS, name, dtype, shape)


@given(st.lists(st.text()))
def test_names_survive_packing(names: list[str]) -> None:
    assert unpack_strings(*pack_strings(names)) == names


def test_names_that_do_not_fit_together_are_refused() -> None:
    data = np.frombuffer("añb".encode(), np.uint8)
    for ends in ([2, 4], [5, 4], [-1, 4], [3], []):
        with pytest.raises(ModelFileError):
            unpack_strings(data, np.array(ends, np.int64))
