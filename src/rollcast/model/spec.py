"""What a network is, in one frozen record: enough to build it, and what a model file says of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from rollcast.choice import is_whole, written
from rollcast.engine import WIRED, state_widths
from rollcast.errors import ModelFileError, UsageError
from rollcast.model.file import field
from rollcast.nn.heads import HEADS, Head, make_head
from rollcast.nn.initial import INITIAL
from rollcast.nn.layers import embedding_width
from rollcast.nn.normal import NORMALIZE

SKIPS = ("none", "naive", "seasonal_naive", "seasonal_mean", "ridge")
"""What the linear path from the window gives before training; ridge is a regression that the data
decide, and seasonal_mean until they do."""

INPUTS = ("waves", "effects", "past_inputs", "input_lags", "past_codes", "known_codes",
          "static_codes")  # fmt: skip
"""Fields of networks with inputs."""

LATER = ("initial", "lags", "normalize", "segment", *INPUTS)
"""Parts that came after the first model files; those that lack one have its default."""

STRATEGIES = ("direct", "recursive", "segment")

MOST_FOLDED = 32
"""Numbers of past inputs side by side in a folded row, at most, if not of the newest fold alone."""

LARGEST = 1 << 20
"""No size in a spec may exceed this: beyond it a number is a mistake, or malice."""


@dataclass(frozen=True)
class NetworkSpec:
    """The sizes and parts of a network. Raises UsageError for a value that cannot be.

    - ``context``, ``horizon``, ``season``: rows seen, rows forecast, rows in a season (1 = none).
    - ``cell`` (a choice of ``engine.WIRED``), ``hidden``, ``dropout``: the recurrent stack;
      ``recurrent_steps``: how many of the newest rows it reads (None = all of the context, which
      the skip path always reads). ``fold``: it reads one step for each of the last ``fold`` rows,
      with the values ``fold``, 2 ``fold`` … rows earlier beside it: a season is read once, with all
      seasons side by side.
    - ``indicator``: whether an input says which values were observed; ``features``: calendar inputs
      per row, past and future; ``future_units``: width of the path from the known future.
    - ``segment``: the rows that each recurrent step of a segment network reads and forecasts.
    - ``lags``: how many of the newest values the autoregressive path of a recursive network reads.
    - ``head``, ``levels``: what the outputs mean.
    - ``skip``: one of SKIPS; ``maps``: how many such maps, mixed by gates if more than one;
      ``skip_gain``: the factor by which their weights count, so how fast they move under Adam,
      whose steps are of one size; ``decoder_gain``: first weights of the decoder, as a part of
      those of torch; ``initial``: the first weights of the stack (`INITIAL`).
    - ``normalize``: between layers, a row of `NORMALIZE` or None; of direct networks alone.
    - ``waves``, ``effects``: how many of the features, first ones first, are the calendar's, and
      inputs known ahead that act on the target (`effects.py`).
    - ``past_inputs``: numbers known up to the newest row; ``input_lags``: how many of their newest
      rows the skip path reads.
    - ``past_codes``, ``known_codes``, ``static_codes``: categories of each such input, with the one
      that stands for missing and never seen; each has a vector (`embedding_width`).
    """

    context: int
    horizon: int
    season: int = 1
    strategy: str = "direct"
    cell: str = "lstm"
    hidden: tuple[int, ...] = (64, 64)
    dropout: float = 0.0
    recurrent_steps: int | None = None
    fold: int | None = None
    indicator: bool = False
    features: int = 0
    future_units: int = 16
    head: str = "quantile"
    levels: tuple[float, ...] | None = None
    skip: str = "ridge"
    maps: int = 1
    skip_gain: float = 1.0
    decoder_gain: float = 1.0
    initial: str = "torch"
    lags: int = 0
    normalize: str | None = None
    segment: int | None = None
    waves: int = 0
    effects: int = 0
    past_inputs: int = 0
    input_lags: int = 0
    past_codes: tuple[int, ...] = ()
    known_codes: tuple[int, ...] = ()
    static_codes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("context", "horizon", "season", "future_units", "maps"):
            _whole(name, getattr(self, name))
        for name in ("features", "lags", "waves", "effects", "past_inputs", "input_lags"):
            _whole(name, getattr(self, name), least=0)
        self._check_inputs()
        for name in ("recurrent_steps", "fold", "segment"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name))
        if self.fold is not None and (self.fold > self.context or self.recurrent_steps is not None):
            raise UsageError(
                f"fold={self.fold!r}: expected at most the context, {self.context}, and no "
                "recurrent_steps."
            )
        try:
            hidden = tuple(self.hidden)
        except TypeError:
            hidden = ()
        if not 1 <= len(hidden) <= 64:
            raise UsageError(
                f"hidden={self.hidden!r}: expected the units of 1 to 64 layers, such as (64, 64)."
            )
        for units in hidden:
            _whole("hidden", units)
        object.__setattr__(self, "hidden", tuple(int(units) for units in hidden))
        object.__setattr__(self, "cell", written("cell", self.cell, WIRED))
        state_widths(self.cell, (1, *self.hidden))
        for name, choices in (("strategy", STRATEGIES), ("skip", SKIPS)):
            found = getattr(self, name)
            if not isinstance(found, str) or found not in choices:
                raise UsageError(f"{name}={found!r}: choose one of {', '.join(choices)}.")
        if not (isinstance(self.dropout, int | float) and 0.0 <= self.dropout < 1.0):
            raise UsageError(f"dropout={self.dropout!r}: expected a probability in [0, 1).")
        if not (isinstance(self.decoder_gain, int | float) and 0.0 <= self.decoder_gain < 1e6):
            raise UsageError(f"decoder_gain={self.decoder_gain!r}: expected a number from 0.")
        if not (isinstance(self.skip_gain, int | float) and 1e-6 < self.skip_gain < 1e6):
            raise UsageError(f"skip_gain={self.skip_gain!r}: expected a number above 0.")
        object.__setattr__(self, "initial", written("initial", self.initial, INITIAL))
        self._check_normalize()
        if self.levels is not None:
            object.__setattr__(self, "levels", tuple(float(level) for level in self.levels))
        object.__setattr__(self, "head", written("head", self.head, HEADS))
        self.make_head()
        if self.strategy == "recursive":
            if not self.indicator or self.fold is not None or self.skip != "none" or self.maps > 1:
                raise UsageError(
                    "strategy='recursive': expected indicator=True, skip='none' and no fold."
                )
            if self.lags > self.context:
                raise UsageError(f"lags={self.lags}: expected at most the context, {self.context}.")
        elif self.lags:
            raise UsageError(f"lags={self.lags}: only a recursive network has them.")
        if self.strategy == "segment":
            if self.segment is None or self.segment > self.context:
                raise UsageError(
                    f"segment={self.segment!r}: strategy='segment' expects 1 to {self.context} "
                    "rows, as many as the context has."
                )
            if self.fold is not None or self.recurrent_steps is not None:
                raise UsageError("strategy='segment': expected no fold and no recurrent_steps.")
        elif self.segment is not None:
            raise UsageError(f"segment={self.segment}: only a segment network has one.")

    def _check_inputs(self) -> None:
        for name in ("past_codes", "known_codes", "static_codes"):
            counts = tuple(getattr(self, name))
            for count in counts:
                _whole(name, count, least=2)
            object.__setattr__(self, name, tuple(int(count) for count in counts))
        if self.waves + self.effects > self.features or self.input_lags > self.context:
            raise UsageError(
                f"waves={self.waves}, effects={self.effects}, input_lags={self.input_lags}: "
                f"expected at most the features, {self.features}, and the context, {self.context}."
            )

    def _check_normalize(self) -> None:
        kind = self.normalize
        if kind is None:
            return
        if not isinstance(kind, str) or kind not in NORMALIZE:
            raise UsageError(f"normalize={kind!r}: choose one of None, {', '.join(NORMALIZE)}.")
        if self.strategy != "direct" or len(self.hidden) < 2:
            raise UsageError(
                f"normalize={kind!r} stands between layers of a direct network; found strategy="
                f"{self.strategy!r} and hidden={self.hidden}. Give two layers or more, or leave it "
                "out."
            )

    def make_head(self) -> Head:
        """The head of the network."""
        return make_head(self.head, self.levels)

    @property
    def folds(self) -> int:
        """Values of the window that each recurrent step reads."""
        return self.context // self.fold if self.fold else 1

    @property
    def inputs(self) -> int:
        """Numbers that each recurrent step reads."""
        if self.strategy == "segment":
            return self.hidden[0]
        read = self.folds + int(self.indicator) + self.row_features
        return read + self.past_width * self.input_folds

    @property
    def row_features(self) -> int:
        """Features of each row, past and future, with the vectors of categories."""
        return self.features + widths(self.known_codes) + widths(self.static_codes)

    @property
    def calendar(self) -> int:
        """How many of the features, first ones first, are the calendar's."""
        return self.waves if any(getattr(self, name) for name in INPUTS) else self.features

    @property
    def past_width(self) -> int:
        """Numbers of each row that are known up to the newest one."""
        return self.past_inputs + widths(self.past_codes)

    @property
    def input_folds(self) -> int:
        """How many of the newest folds have their past inputs read beside their values."""
        return max(1, min(self.folds, MOST_FOLDED // max(1, self.past_width)))

    @property
    def skip_columns(self) -> int:
        """Numbers of the window that the skip path reads: values, then the newest past inputs."""
        return self.context + self.input_lags * self.past_inputs

    @property
    def enters(self) -> bool:
        """Whether inputs change what a network reads of a batch, see `effects.py`."""
        by_row = self.past_codes or self.known_codes or self.row_static_codes
        return bool(self.effects or by_row)

    @property
    def row_static_codes(self) -> tuple[int, ...]:
        """Categories of series whose vectors lie beside the features of every row; a segment
        network puts them beside those of its segments."""
        return () if self.strategy == "segment" else self.static_codes

    @property
    def steps(self) -> int:
        """Recurrent steps: the newest rows, or whole segments of them."""
        if self.strategy == "segment":
            return self.context // self.segment_rows
        return self.fold or min(self.context, self.recurrent_steps or self.context)

    @property
    def segment_rows(self) -> int:
        """Rows of a segment."""
        return self.segment or 1

    @property
    def segments_ahead(self) -> int:
        """Segments that the horizon needs; the last may reach past it."""
        return -(-self.horizon // self.segment_rows)

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON can say it."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, spec: dict[str, Any]) -> NetworkSpec:
        """The spec a model file holds; raises ModelFileError for anything unexpected."""
        known = {each.name for each in fields(cls)}
        if unknown := sorted(set(spec) - known):
            raise ModelFileError(
                f"the model's network has {unknown[0][:40]!r}, which this rollcast does not know. "
                "Install the version that wrote it, or a newer one."
            )
        values: dict[str, Any] = {}
        kinds = {"int": int, "float": float, "str": str, "bool": bool, "tuple": list}
        for each in fields(cls):
            names = str(each.type).replace(" ", "").split("|")
            chosen = [kinds[name.split("[")[0]] for name in names if name != "None"]
            if "None" in names:
                chosen.append(type(None))
            if each.name in LATER and each.name not in spec:  # written before there was such a part
                continue
            value = field(spec, each.name, *chosen)
            values[each.name] = tuple(value) if isinstance(value, list) else value
        try:
            return cls(**values)
        except (UsageError, TypeError, ValueError, OverflowError) as error:
            raise ModelFileError(f"the model's network cannot be: {error}") from error


def widths(counts: tuple[int, ...]) -> int:
    """Numbers that stand for a row's categories, of inputs with so many codes."""
    return sum(embedding_width(count - 1) for count in counts)


def _whole(name: str, found: Any, least: int = 1) -> None:
    whole = is_whole(found)
    if not whole or not least <= int(found) <= LARGEST:
        raise UsageError(f"{name}={found!r}: expected a whole number from {least} to {LARGEST}.")
