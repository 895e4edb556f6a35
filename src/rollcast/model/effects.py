"""What inputs do before a network reads a batch, and after it has spoken.

Categories become vectors, which lie beside the features. And an input that is known ahead has an
*effect* on the target, which is taken out of the window and put into the forecast:

    e_t = Σ_i u_ti Σ_j b_ij g_tj + Σ_c Σ_j t_cj g_tj     u inputs, c categories
    g_t = (1, f_t, r, r f_t)      f waves of the calendar, r the series' deviation in window scales
    z'_t = z_t − e_t              what the network reads
    output_k = network(z')_k + e_k

a regression with errors that are forecast (Cochrane and Orcutt 1949): without it, what a promotion
did last week would be forecast again next week, promotion or not. Effects may differ by hour and
season, since they are multiplied by the waves; and they are as large as a window's scale, or as
that of its series whatever the window: a calm week does not make a holiday smaller. What is not
linear is left to the network, which reads the inputs too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcast import engine
from rollcast.model.inputs import newest
from rollcast.model.spec import NetworkSpec
from rollcast.nn.layers import embed, embed_backward, embedding_width

if TYPE_CHECKING:
    from rollcast.data.batch import Batch, Codes, Rows

Array = np.ndarray

MOST_DUMMIES = 64
"""Codes of an input whose categories have effects of their own; of more, vectors have to do."""


@dataclass(eq=False)
class Slopes:
    """The gradient by what a network reads of a batch, shaped like it, added up on the way back."""

    past: Array
    past_features: Array
    future_features: Array
    past_inputs: Array
    added: Array

    @classmethod
    def of(cls, batch: Batch) -> Slopes:
        """Zeros for a batch that was entered."""
        assert batch.past_inputs is not None
        past, added = np.zeros_like(batch.past), np.zeros_like(batch.target)
        features = np.zeros_like(batch.past_features), np.zeros_like(batch.future_features)
        return cls(past, *features, np.zeros_like(batch.past_inputs), added)


def shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights."""
    found: dict[str, tuple[int, ...]] = {}
    for role, counts in _codes_of(spec).items():
        for index, count in enumerate(counts):
            found[f"embedding.{role}{index}"] = (count, embedding_width(count - 1))
    if spec.effects:
        found["effect.weight"] = (spec.effects, factors(spec))
    for index in dummies(spec):
        found[f"effect.known{index}"] = (spec.known_codes[index], factors(spec))
    return found


def begin(spec: NetworkSpec, views: dict[str, Array], generator: np.random.Generator) -> None:
    """First weights, into ``views`` of zeros: vectors of mean 0 and deviation 1, the mean for code
    0; no effects."""
    for role, counts in _codes_of(spec).items():
        for index, count in enumerate(counts):
            view = views[f"embedding.{role}{index}"]
            drawn = generator.normal(size=(count - 1, view.shape[1]))
            if len(drawn) > 1:  # of few categories two might begin as the same
                drawn = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
            view[1:] = drawn


def factors(spec: NetworkSpec) -> int:
    """By how many numbers effects are multiplied."""
    return 2 * (1 + spec.waves)


def dummies(spec: NetworkSpec) -> list[int]:
    """The known inputs whose categories have effects of their own."""
    return [index for index, count in enumerate(spec.known_codes) if count <= MOST_DUMMIES]


def _codes_of(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    return {"known": spec.known_codes, "static": spec.static_codes, "past": spec.past_codes}


# ------------------------------------------------------------------------------------- the way in


def enter(spec: NetworkSpec, views: dict[str, Array], batch: Batch) -> Batch:
    """The batch as the network reads it: with vectors for categories, without effects of inputs in
    the window, with those of the future as ``added``."""
    if not spec.enters:
        return batch
    context = spec.context
    features = np.concatenate([batch.past_features, batch.future_features])
    past, added = batch.past, np.zeros_like(batch.target)
    if spec.effects or dummies(spec):
        found = effect(spec, views, features, batch.codes, batch.ratio)
        past = np.where(batch.observed, past - found[:context], past)
        added = found[context:]
    beside = vectors(spec, views, features, batch.codes)
    return replace(
        batch,
        past=past,
        past_features=beside[:context],
        future_features=beside[context:],
        past_inputs=past_vectors(spec, views, batch),
        added=added,
    )


def enter_rows(spec: NetworkSpec, views: dict[str, Array], rows: Rows) -> Rows:
    """As ``enter``, of the consecutive rows of series."""
    if not spec.enters:
        return rows
    values = rows.values
    if spec.effects or dummies(spec):
        assert rows.value_features is not None
        found = effect(spec, views, rows.value_features, rows.value_codes)
        values = np.where(np.isinf(rows.age), values, values - found)
    beside = vectors(spec, views, rows.next_features, rows.codes)
    return replace(
        rows, values=values, next_features=beside, past_inputs=past_vectors(spec, views, rows)
    )


def effect(
    spec: NetworkSpec,
    views: dict[str, Array],
    features: Array,
    codes: Codes | None,
    ratio: Array | None = None,
) -> Array:
    """What inputs do to the target, ``(time, batch)``, in scaled units; ``ratio (batch,)`` as in
    `Batch`, None = 1."""
    found = _strengths(spec, views, features, codes) * multiplied(spec, features, ratio)
    return found.sum(axis=2) * features.dtype.type(spec.skip_gain)


def _strengths(
    spec: NetworkSpec, views: dict[str, Array], features: Array, codes: Codes | None
) -> Array:
    """How much of each factor there is, ``(time, batch, factors)``."""
    shape = (*features.shape[:2], factors(spec))
    found = np.zeros(shape, features.dtype)
    if spec.effects:
        weight = np.ascontiguousarray(views["effect.weight"].T)
        found = engine.linear(_acting(spec, features), weight).reshape(shape)
    for index in dummies(spec):
        assert codes is not None
        found += embed(views[f"effect.known{index}"], codes.known[..., index])
    return found


def _acting(spec: NetworkSpec, features: Array) -> Array:
    """The inputs that have effects, ``(time · batch, effects)``."""
    chosen = features[..., spec.waves : spec.waves + spec.effects]
    return np.ascontiguousarray(chosen).reshape(-1, spec.effects)


def multiplied(spec: NetworkSpec, features: Array, ratio: Array | None) -> Array:
    """What effects are multiplied by, ``(time, batch, factors)``."""
    half = 1 + spec.waves
    found = np.ones((*features.shape[:2], factors(spec)), features.dtype)
    found[..., 1:half] = features[..., : spec.waves]
    found[..., half:] = found[..., :half]
    if ratio is not None:
        found[..., half:] *= ratio[:, None]
    return found


def vectors(
    spec: NetworkSpec, views: dict[str, Array], features: Array, codes: Codes | None
) -> Array:
    """The features with the vectors of known and static categories beside them."""
    if codes is None or not (spec.known_codes or spec.row_static_codes):
        return features
    parts = [features]
    for index in range(len(spec.known_codes)):
        parts.append(embed(views[f"embedding.known{index}"], codes.known[..., index]))
    if spec.row_static_codes:
        found = static_vectors(spec, views, codes)
        parts.append(np.broadcast_to(found, (*features.shape[:2], found.shape[-1])))
    return np.concatenate(parts, axis=2)


def static_vectors(spec: NetworkSpec, views: dict[str, Array], codes: Codes) -> Array:
    """The vectors of each series' categories, side by side, ``(batch, numbers)``."""
    parts = [
        embed(views[f"embedding.static{index}"], codes.static[..., index])
        for index in range(len(spec.static_codes))
    ]
    return np.concatenate(parts, axis=1)


def past_vectors(spec: NetworkSpec, views: dict[str, Array], batch: Batch | Rows) -> Array:
    """Past inputs ``(time, batch, numbers)`` with the vectors of their categories beside them."""
    assert batch.past_inputs is not None and batch.codes is not None
    parts = [batch.past_inputs]
    for index in range(len(spec.past_codes)):
        parts.append(embed(views[f"embedding.past{index}"], batch.codes.past[..., index]))
    return np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0]


# ----------------------------------------------------------------------------------- the way back


def leave(spec: NetworkSpec, parts: dict[str, Array], batch: Batch, slopes: Slopes) -> None:
    """Gradients of these weights into ``parts``, for a ``batch`` as it came and the ``slopes`` by
    what was made of it."""
    codes = batch.codes
    assert codes is not None
    beside = np.concatenate([slopes.past_features, slopes.future_features])
    at = spec.features
    for index, count in enumerate(spec.known_codes):
        width = embedding_width(count - 1)
        slope = beside[..., at : at + width]
        parts[f"embedding.known{index}"][...] = embed_backward(
            slope, codes.known[..., index], count
        )
        at += width
    if spec.row_static_codes:
        static_backward(spec, parts, codes, beside[..., at:].sum(axis=0))
    at = spec.past_inputs
    for index, count in enumerate(spec.past_codes):
        width = embedding_width(count - 1)
        slope = slopes.past_inputs[..., at : at + width]
        parts[f"embedding.past{index}"][...] = embed_backward(slope, codes.past[..., index], count)
        at += width
    if not (spec.effects or dummies(spec)):
        return
    features = np.concatenate([batch.past_features, batch.future_features])
    past = np.where(batch.observed, slopes.past, 0.0)
    slope = np.concatenate([-past, slopes.added])[..., None]
    slope = slope * multiplied(spec, features, batch.ratio)
    slope *= slope.dtype.type(spec.skip_gain)
    slope = np.ascontiguousarray(slope)
    if spec.effects:
        flat = slope.reshape(-1, factors(spec))
        acting = _acting(spec, features)
        weight = np.zeros((factors(spec), spec.effects), flat.dtype)
        _, found, _ = engine.linear_backward(flat, acting, weight, need_x=False)
        parts["effect.weight"][...] = found.T
    for index in dummies(spec):
        found = embed_backward(slope, codes.known[..., index], spec.known_codes[index])
        parts[f"effect.known{index}"][...] = found


def static_backward(spec: NetworkSpec, parts: dict[str, Array], codes: Codes, slope: Array) -> None:
    """Gradients of the vectors of series' categories into ``parts``, from that by `static_vectors`,
    ``(batch, numbers)``."""
    at = 0
    for index, count in enumerate(spec.static_codes):
        width = embedding_width(count - 1)
        found = embed_backward(slope[:, at : at + width], codes.static[..., index], count)
        parts[f"embedding.static{index}"][...] = found
        at += width


def filled_backward(slope: Array, observed: Array) -> Array:
    """The gradient by a window from that by the window `filled`: each value also stands for the
    missing ones after it."""
    if observed.all():
        return slope
    found = np.zeros_like(slope)
    np.add.at(found, (np.maximum(newest(observed), 0), np.arange(slope.shape[1])), slope)
    return found
