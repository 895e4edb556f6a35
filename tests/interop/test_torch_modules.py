"""The modules beside those of ``torch.nn``: shapes, states, memory, what they do not compute."""

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rollcast.interop import torch as ours

NAMES = ("RNN", "LSTM", "GRU")


def pair(name: str, *sizes: Any, **options: Any) -> tuple[Any, Any]:
    modules = []
    for library in (torch.nn, ours):
        torch.manual_seed(1)
        modules.append(getattr(library, name)(*sizes, **options))
    return modules[0], modules[1]


def close(found: Any, expected: Any) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_first_values_and_state_dictionaries_are_those_of_pytorch(name: str) -> None:
    options = {"num_layers": 2, "bidirectional": True}
    theirs, mine = pair(name, 3, 5, **options)
    assert list(theirs.state_dict()) == list(mine.state_dict())
    for a, b in zip(theirs.parameters(), mine.parameters(), strict=True):
        assert torch.equal(a, b)
    other = getattr(ours, name)(3, 5, **options)
    other.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(other.state_dict())
    x = torch.randn(4, 2, 3)
    close(other(x), theirs(x))
    assert repr(theirs) == repr(mine)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch_first", [False, True])
def test_shapes_batched_unbatched_and_packed(name: str, batch_first: bool) -> None:
    theirs, mine = pair(name, 3, 5, 2, batch_first=batch_first, bidirectional=True)
    x = torch.randn(4, 6, 3)
    close(mine(x), theirs(x))
    close(mine(x[0]), theirs(x[0]))
    batch = 4 if batch_first else 6
    states = torch.randn(4, batch, 5), torch.randn(4, batch, 5)
    hx = states if name == "LSTM" else states[0]
    close(mine(x, hx), theirs(x, hx))
    lengths = torch.arange(batch) % (x.numel() // 3 // batch) + 1
    packed = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
    (a, after), (b, expected) = mine(packed, hx), theirs(packed, hx)
    close(after, expected)
    close(pad_packed_sequence(a), pad_packed_sequence(b))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_long_packed_batches_are_those_of_pytorch(name: str) -> None:
    theirs, mine = pair(name, 3, 17, 2, dtype=torch.float64)
    x = torch.randn(20, 11, 3, dtype=torch.float64)
    packed = pack_padded_sequence(x, torch.randint(1, 21, (11,)), enforce_sorted=False)
    for module in (theirs, mine):
        module(packed)[0].data.square().sum().backward()
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-11, atol=1e-11)


def test_dropout_acts_in_training_alone_and_follows_the_seed() -> None:
    module = ours.LSTM(3, 40, 2, dropout=0.5)
    x = torch.randn(6, 9, 3)

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return module(x)[0].detach()

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    with torch.no_grad():
        assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    module.eval()
    plain = ours.LSTM(3, 40, 2)
    plain.load_state_dict(module.state_dict())
    assert torch.equal(drawn(1), plain(x)[0])
    module.train()
    mean = torch.stack([drawn(seed) for seed in range(200)]).mean(0)
    assert (mean - plain(x)[0]).abs().mean() < 0.01  # kept values are scaled up
    module.dropout = 1.0
    assert torch.isfinite(drawn(0)).all()


def test_layers_of_unequal_size_are_a_chain_of_modules() -> None:
    torch.manual_seed(0)
    both = {"bidirectional": True, "dtype": torch.float64}
    module = ours.LSTM(3, (5, 2), **both)
    first, second = torch.nn.LSTM(3, 5, **both), torch.nn.LSTM(10, 2, **both)
    first.load_state_dict({k: v for k, v in module.state_dict().items() if "l0" in k})
    second.load_state_dict(
        {k.replace("l1", "l0"): v for k, v in module.state_dict().items() if "l1" in k}
    )
    x = torch.randn(7, 4, 3, dtype=torch.float64, requires_grad=True)
    states = [tuple(torch.randn(2, 4, n, dtype=torch.float64) for n in (5, 2)) for _ in "hc"]
    y, (h, c) = module(x, tuple(states))
    y0, (h0, c0) = first(x, (states[0][0], states[1][0]))
    y1, (h1, c1) = second(y0, (states[0][1], states[1][1]))
    for a, b in ((y, y1), (h[0], h0), (h[1], h1), (c[0], c0), (c[1], c1)):
        torch.testing.assert_close(a, b)
    a, b = (torch.autograd.grad(z.square().sum(), x)[0] for z in (y, y1))
    torch.testing.assert_close(a, b)
    assert module(x[:, 0])[1][0][1].shape == (2, 2)
    assert "(5, 2)" in repr(module)


def test_unequal_layers_run_in_types_the_engine_lacks_and_refuse_wrong_states() -> None:
    module = ours.GRU(3, [4, 2], dropout=0.2, dtype=torch.bfloat16)
    y, h = module(torch.randn(5, 2, 3, dtype=torch.bfloat16))
    assert y.shape == (5, 2, 2) and [state.shape for state in h] == [(1, 2, 4), (1, 2, 2)]
    module.float()
    with pytest.raises(RuntimeError, match="one tensor a layer"):
        module(torch.randn(5, 2, 3), torch.zeros(2, 2, 4))
    with pytest.raises(RuntimeError, match=r"\(1, 2, 2\)"):
        module(torch.randn(5, 2, 3), (torch.zeros(1, 2, 4), torch.zeros(1, 2, 3)))
    with pytest.raises(RuntimeError, match="input_size"):
        module(torch.randn(5, 2, 4))
    with pytest.raises(ValueError, match="names 2 layers"):
        ours.GRU(3, (4, 2), num_layers=3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_are_left_to_pytorch(dtype: torch.dtype) -> None:
    theirs, mine = pair("GRU", 3, 5, dtype=dtype)
    x = torch.randn(4, 2, 3, dtype=dtype)
    assert torch.equal(mine(x)[0], theirs(x)[0])


def test_autocast_and_other_devices_are_left_to_pytorch() -> None:
    theirs, mine = pair("LSTM", 3, 5)
    x = torch.randn(4, 2, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert mine(x)[0].dtype == theirs(x)[0].dtype
    mine.to("meta")
    assert mine(x.to("meta"))[0].device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_pytorch_computes() -> None:
    theirs, mine = (module.cuda() for module in pair("LSTM", 3, 5))
    x = torch.randn(4, 2, 3, device="cuda")
    assert torch.equal(mine(x)[0], theirs(x)[0])
    uneven = ours.LSTM(3, (5, 2)).cuda()
    assert uneven(x)[0].device.type == "cuda"
    uneven(x)[0].sum().backward()


@pytest.mark.parametrize("shape", [(0, 2, 3), (4, 0, 3)])
def test_empty_sequences_and_batches_are_as_in_pytorch(shape: tuple[int, ...]) -> None:
    for theirs, mine in (pair(name, 3, 5) for name in NAMES):
        results = []
        for module in (theirs, mine):
            try:
                results.append(
                    [t.shape for t in torch.utils._pytree.tree_leaves(module(torch.zeros(shape)))]
                )
            except RuntimeError as error:
                results.append(str(error))
        assert results[0] == results[1]


def test_a_wrong_setting_is_refused_as_by_pytorch() -> None:
    for options, error in (
        ({"hidden_size": 0}, ValueError),
        ({"dropout": 2}, ValueError),
        ({"bias": 1}, TypeError),
        ({"hidden_size": 2.5}, TypeError),
        ({"proj_size": 9}, ValueError),
    ):
        for library in (torch.nn, ours):
            with pytest.raises(error):
                library.LSTM(**({"input_size": 2, "hidden_size": 3} | options))
    with pytest.raises(ValueError, match="nonlinearity"):
        ours.RNN(2, 3, nonlinearity="sine")
    with pytest.warns(UserWarning, match="dropout option"):
        ours.LSTM(2, 3, dropout=0.5)


def lies_flat(module: Any) -> bool:
    store = module._store
    return store.current(store.weights(module)) is not None


def test_parameters_lie_in_one_vector_through_copies_pickles_and_moves() -> None:
    module = ours.LSTM(3, 5, 2)
    x = torch.randn(4, 2, 3)
    expected = module(x)[0]
    assert lies_flat(module)
    stream = io.BytesIO()
    torch.save(module, stream)
    stream.seek(0)
    copies = [
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        torch.load(stream, weights_only=False),
    ]
    for other in copies:
        assert torch.equal(other(x)[0], expected) and lies_flat(other)
        with torch.no_grad():
            other.weight_hh_l0.zero_()
        assert not torch.equal(other(x)[0], expected)
    assert torch.equal(module(x)[0], expected)
    assert lies_flat(module.double()) and lies_flat(module.float())
    assert torch.equal(module(x)[0], expected)


def test_parameters_that_were_replaced_are_read_all_the_same() -> None:
    theirs, mine = pair("GRU", 3, 5)
    x = torch.randn(4, 2, 3)
    for module in (theirs, mine):
        module.weight_hh_l0 = torch.nn.Parameter(torch.full((15, 5), 0.1))
    close(mine(x), theirs(x))
    assert not lies_flat(mine)
    mine.flatten_parameters()
    assert lies_flat(mine)
    close(mine(x), theirs(x))
    for module in (theirs, mine):
        torch.nn.utils.parametrizations.weight_norm(module, "weight_ih_l0")
        with torch.no_grad():
            module.parametrizations.weight_ih_l0.original0.mul_(2)
    close(mine(x), theirs(x))
    mine(x)[0].sum().backward()
    assert mine.parametrizations.weight_ih_l0.original0.grad is not None


def test_a_weight_turned_over_in_place_is_read_as_it_lies() -> None:
    theirs, mine = pair("RNN", 4, 4)
    x = torch.randn(5, 2, 4)
    for module in (theirs, mine):
        module.weight_hh_l0.data = module.weight_hh_l0.data.t()
    close(mine(x), theirs(x))


def test_gradients_flow_from_the_states_of_single_layers_of_unequal_size() -> None:
    torch.manual_seed(0)
    module = ours.LSTM(3, (5, 2), dtype=torch.float64)
    layers = [torch.nn.LSTM(a, b, dtype=torch.float64) for a, b in ((3, 5), (5, 2))]
    weights = [weight for layer in layers for weight in layer.parameters()]
    with torch.no_grad():
        for mine, theirs in zip(module.parameters(), weights, strict=True):
            theirs.copy_(mine)
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    _, (h, c) = module(x)
    (h[0].square().sum() + c[1].sum()).backward()
    y, (below, _) = layers[0](x)
    (below.square().sum() + layers[1](y)[1][1].sum()).backward()
    for mine, theirs in zip(module.parameters(), weights, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-12, atol=1e-12)


def test_memory_shared_between_processes_stays_shared() -> None:
    module = ours.RNN(2, 3).share_memory()
    module.flatten_parameters()
    assert all(parameter.is_shared() for parameter in module.parameters())
    copied = pickle.loads(pickle.dumps(torch.nn.Linear(1, 1).share_memory()))
    module.weight_hh_l0 = copied.weight
    module.flatten_parameters()
    assert module.weight_hh_l0 is copied.weight


def test_projections_are_those_of_pytorch() -> None:
    theirs, mine = pair("LSTM", 3, 5, 2, proj_size=2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(4, 6, 3, dtype=torch.float64, requires_grad=True)
    states = (
        torch.randn(4, 6, 2, dtype=torch.float64, requires_grad=True),
        torch.randn(4, 6, 5, dtype=torch.float64, requires_grad=True),
    )
    results = []
    for module in (theirs, mine):
        y, (h, c) = module(x, states)
        loss = y.square().sum() + h.sum() + c.square().sum()
        wanted = [x, *states, *module.parameters()]
        results.append([y, h, c, *torch.autograd.grad(loss, wanted)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)
    uneven = ours.LSTM(3, (5, 4), proj_size=2, dtype=torch.float64)
    assert [s.shape for s in uneven(x)[1][1]] == [(1, 6, 5), (1, 6, 4)]
