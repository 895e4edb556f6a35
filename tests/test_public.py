import subprocess
import sys

import pytest

import rollcast


def test_every_public_name_is_there_and_listed() -> None:
    for name in rollcast.__all__:
        assert getattr(rollcast, name) is not None
        assert name in dir(rollcast)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Forecastor"):
        _ = rollcast.Forecastor


def test_importing_the_package_imports_no_part_of_it() -> None:
    code = (
        "import sys, rollcast; "
        "print([name for name in sys.modules if name.startswith('rollcast.') or name == 'numpy'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
