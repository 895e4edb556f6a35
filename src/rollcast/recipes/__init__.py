"""Published experiments, one function each: configuration over the library's public API.

A recipe is a function in a file of its name, listed here. Its arguments are keywords with types and
defaults, among them always ``seed``, ``published`` (the published variant beside ours) and
``listeners`` (of training events); ``rollcast recipe`` makes its options from them, with the texts
under "Parameters" of the docstring. It gives a `RecipeResult`; its pictures come from `plots`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from rollcast.recipes.any_shape import any_shape
from rollcast.recipes.closed_loop_sine import closed_loop_sine
from rollcast.recipes.gradient_flow import gradient_flow
from rollcast.recipes.gradient_study import gradient_study
from rollcast.recipes.minutes_played import minutes_played
from rollcast.recipes.next_day_temperature import next_day_temperature
from rollcast.recipes.result import RecipeResult
from rollcast.recipes.sin_to_cos import sin_to_cos
from rollcast.recipes.sine_forecast import sine_forecast
from rollcast.recipes.trig_stack import trig_stack

__all__ = [
    "RECIPES",
    "RecipeResult",
    "any_shape",
    "closed_loop_sine",
    "gradient_flow",
    "gradient_study",
    "minutes_played",
    "next_day_temperature",
    "sin_to_cos",
    "sine_forecast",
    "trig_stack",
]

Recipe = Callable[..., RecipeResult]

# The name on the command line, and the function. Imported here, so that a function and not the file
# of its name is what `rollcast.recipes` has.
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "sine-forecast": sine_forecast,
        "any-shape": any_shape,
        "minutes-played": minutes_played,
        "sin-to-cos": sin_to_cos,
        "trig-stack": trig_stack,
        "closed-loop-sine": closed_loop_sine,
        "next-day-temperature": next_day_temperature,
        "gradient-flow": gradient_flow,
        "gradient-study": gradient_study,
    }
)
