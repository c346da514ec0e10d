"""ARCHITECTURE.md tells the order of features that the import contracts enforce."""

import re
import tomllib

from tests.documents import ROOT


def contract(name: str) -> list[str]:
    """The layers of an import contract, upper first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(c["layers"] for c in contracts if c["name"].startswith(name))


def test_the_order_of_features_is_the_one_enforced() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    listed = re.search(r"<!-- features.*?-->\n(.*?)<!-- /features -->", page, re.DOTALL)
    assert listed
    told = re.findall(r"^\d+\. (.*)$", listed[1], re.MULTILINE)
    assert told == [layer.replace("(", "").replace(")", "") for layer in contract("Features")]


def test_every_feature_stands_in_the_order() -> None:
    ordered = set(re.findall(r"\w+", " ".join(contract("Features"))))
    folders = {folder.parent.name for folder in (ROOT / "src/orbit_contacts/features").glob("*/__init__.py")}
    assert folders <= ordered


def test_the_floors_are_the_ones_enforced() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    places = [page.index(f"├── {layer.rpartition('.')[2]}/") for layer in contract("Floors")]
    assert places == sorted(places)
