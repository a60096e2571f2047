"""What is named for each guard that could be taken away is there."""

import ast

import pytest

from tests import mutants


@pytest.mark.parametrize("name", sorted(mutants.named()))
def test_the_test_that_is_named_for_a_guard_exists(name):
    file, _, test = name.partition("::")
    tree = ast.parse((mutants.ROOT / file).read_text())

    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    assert defined
    assert not test or test.partition("[")[0] in defined
