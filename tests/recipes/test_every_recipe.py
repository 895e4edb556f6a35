"""Rules that every recipe keeps, so that the command line can be made from it."""

import inspect
import re
from typing import get_type_hints

import pytest

from rollcast import recipes
from rollcast.apps.recipes import NOT_ASKED, first_line, parameter_texts
from rollcast.recipes import RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_function_of_its_name_with_documented_keywords(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe is getattr(recipes, name.replace("-", "_"))
    signature = inspect.signature(recipe)
    assert {"seed", "published", NOT_ASKED} <= set(signature.parameters)
    kinds, texts = get_type_hints(recipe), parameter_texts(recipe)
    for parameter in signature.parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter
        assert parameter.default is not inspect.Parameter.empty, parameter
        assert parameter.name in kinds, parameter
    assert set(texts) == set(signature.parameters) - {NOT_ASKED}
    assert all(texts.values())
    assert signature.parameters["seed"].default == 0
    assert signature.parameters["published"].default is False


@pytest.mark.parametrize("name", RECIPES)
def test_the_first_line_says_what_it_is(name: str) -> None:
    assert re.fullmatch(r"[A-Z].{20,90}", first_line(RECIPES[name]))
