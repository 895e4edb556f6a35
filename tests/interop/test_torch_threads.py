"""The engine on PyTorch's threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from rollcast import engine
from rollcast.interop import torch as ours


def gradients() -> list[np.ndarray]:
    torch.manual_seed(0)
    module = ours.LSTM(8, 32, 2)
    y, _ = module(torch.randn(24, 40, 8))
    y.square().sum().backward()
    return [y.detach().numpy(), *(p.grad.numpy() for p in module.parameters())]


@pytest.fixture
def team():
    library = os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so")  # noqa: PTH118, PTH120
    before = torch.get_num_threads()
    if not engine.share_team(library):
        pytest.skip("PyTorch has no team that can be shared")
    yield library
    torch.set_num_threads(before)
    engine.share_team(library)


def test_the_threads_are_those_that_pytorch_was_told(team: str) -> None:
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        assert engine.threads() == count
    engine.set_threads(2)
    assert engine.threads() == 2
    engine.set_threads(None)


def test_no_bit_depends_on_whose_threads_work_or_how_many(team: str) -> None:
    found = []
    for library, count in ((None, 1), (None, 2), (None, 3), (team, 1), (team, 2), (team, 3)):
        assert engine.share_team(library)
        torch.set_num_threads(count)
        if library is None:
            engine.set_threads(count)
        found.append(gradients())
        engine.set_threads(None)
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_a_library_that_is_not_loaded_is_no_team() -> None:
    assert not engine.share_team("libnothing-of-the-sort.so")


FORK = """
import os, sys
import torch
from rollcast.interop import torch as ours
torch.set_num_threads(2)
def gradients():
    torch.manual_seed(0)
    module = ours.LSTM(8, 32, 2)
    module(torch.randn(24, 40, 8))[0].square().sum().backward()
    return module.weight_hh_l0.grad
x = torch.randn(500, 500); (x @ x).exp().sum()
expected = gradients()
child = os.fork()
if child == 0:
    os._exit(0 if torch.equal(gradients(), expected) else 3)
assert os.waitpid(child, 0)[1] == 0
assert torch.equal(gradients(), expected)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_computes_on_threads_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=100)


def test_importing_the_guests_room_loads_no_guest() -> None:
    code = "import sys, rollcast.interop; print('torch' in sys.modules)"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "False"


def test_without_pytorch_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from rollcast.errors import MissingExtraError\n"
        "try:\n    import rollcast.interop.torch\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "rollcast[torch]" in seen.stdout
