"""Who is measured: the module, its variant, what must be installed, what its process needs."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Who:
    """needs: modules without which it is left out. isa: the instruction set that ``environment``
    forces. tolerance: how far its results may be from ours, as a part of the largest value."""

    module: str
    variant: str = ""
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    isa: str = ""
    tolerance: float = 2e-3

    def missing(self) -> str:
        """Why it cannot be measured here, or nothing."""
        for name in self.needs:
            try:
                found = importlib.util.find_spec(name)
            except ModuleNotFoundError:  # a part of something that is not there
                found = None
            if found is None:
                return f"{name} is not installed"
        if self.module == "incumbents.prototype" and not os.environ.get("ROLLCAST_PROTOTYPE"):
            return "no folder was given"
        if self.module == "ours":
            from rollcast import engine

            if self.isa and self.isa not in engine.isas():
                return f"{self.isa} does not run here"
            if self.variant == "bfloat16" and not getattr(engine, "bfloat16_units", tuple)():
                return "the engine offers no products in bfloat16 here"
        return ""


_TORCH = "incumbents.torch_nn"
WHO = {
    "ours": Who("ours"),
    "ours avx2": Who("ours", environment={"ROLLCAST_ISA": "avx2"}, isa="avx2"),
    "ours bfloat16": Who("ours", "bfloat16", tolerance=2e-2),
    "drop-in": Who(_TORCH, "drop-in", ("torch", "rollcast.interop.torch")),
    "drop-in (one parameter)": Who(_TORCH, "one parameter", ("torch", "rollcast.interop.torch")),
    "torch.nn": Who(_TORCH, "modules", ("torch",)),
    "torch.nn, stepwise head": Who(_TORCH, "stepwise", ("torch",)),
    "torch cells": Who(_TORCH, "cells", ("torch",)),
    "JAX": Who("incumbents.jax_scan", needs=("jax", "optax")),
    "Keras": Who("incumbents.keras_layers", needs=("keras", "tensorflow")),
    "ONNX Runtime": Who("incumbents.onnx_run", needs=("onnx", "onnxruntime")),
    "prototype": Who("incumbents.prototype"),
}
INCUMBENTS = tuple(
    name for name, who in WHO.items() if who.module != "ours" and not name.startswith("drop-in")
)
PACKAGES = (
    "rollcast", "numpy", "torch", "jax", "optax", "keras", "tensorflow", "tensorflow-cpu",
    "onnxruntime",
)  # fmt: skip
