"""Models as ONNX files, for runtimes that know nothing of rollcast (extra ``[onnx]``).

>>> from rollcast.interop import onnx
>>> onnx.export(model, "sales.onnx")  # doctest: +SKIP

The file holds everything from raw values to calibrated intervals; what is compared with the model
before it is written is what it will say.
"""

from rollcast.errors import MissingExtraError

try:
    import onnx as _onnx  # noqa: F401
    import onnxruntime as _onnxruntime  # noqa: F401
except ImportError as error:
    raise MissingExtraError(
        "rollcast.interop.onnx needs onnx and onnxruntime, which are not installed. Install them "
        "with `pip install 'rollcast[onnx]'`."
    ) from error

from rollcast.interop.onnx.export import Exported, export, feeds

__all__ = ["Exported", "export", "feeds"]
