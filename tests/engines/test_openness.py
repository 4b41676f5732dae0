"""Which class of the Model Openness Framework a model has, and which licences are open."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from weighbridge.engines import catalogue, openness
from weighbridge.engines.licences import is_open
from weighbridge.errors import InputError

SHARED = Path(__file__).parents[3] / "shared/data/gap/transparency/mot"
THIRD = dict.fromkeys(("architecture", "parameters", "report", "results", "model_card", "data_card"), "Apache-2.0")
SECOND = THIRD | dict.fromkeys(("training_code", "inference_code", "evaluation_code", "evaluation_data"), "MIT")
FIRST = SECOND | dict.fromkeys(("paper", "datasets", "preprocessing_code", "intermediate_parameters"), "CC-BY-4.0")


@pytest.mark.parametrize(("components", "level"), [({}, 0), (THIRD, 3), (SECOND, 2), (FIRST, 1)])
def test_a_class_takes_all_of_its_components_and_those_below(components, level):
    assert openness.classify(components).level == level
    for lost in components:
        rest = {name: licence for name, licence in components.items() if name != lost}
        closed = components | {lost: "Llama 3.1 Community License"}
        assert openness.classify(rest) == openness.classify(closed)
        if lost == "report" and "paper" in components:
            assert openness.classify(rest).level == level  # the paper stands for it
        else:
            assert openness.classify(rest).level != level
            assert lost in openness.classify(rest).missing


def test_progress_of_a_class_counts_where_the_one_below_is_whole():
    found = openness.classify({name: "MIT" for name in FIRST if name != "data_card"})
    assert found.progress == {3: pytest.approx(5 / 6), 2: 0, 1: 0}
    assert found.missing == ("data_card",)


@pytest.mark.parametrize("name", ["MIT", "mit", "Apache-2.0", "CC-BY-4.0", "CC-BY-SA-3.0-AT", "ODbL-1.0", "SMLNJ"])
def test_open_licences(name):
    assert is_open(name)


@pytest.mark.parametrize("name", ["", "unlicensed", "CC-BY-NC-4.0", "CC-BY-ND-3.0", "Gemma Terms of Use", "CC-BY-5.0"])
def test_licences_that_are_not(name):
    assert not is_open(name)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ([], "document"),
        ({"release": {}}, "release.components"),
        ({"release": {"components": ["x"]}}, "release.components[0]"),
        ({"release": {"components": [{"name": "Weights"}]}}, "release.components[0].name"),
        ({"release": {"components": [], "license": "MIT"}}, "release.license"),
    ],
)
def test_other_forms_are_errors_that_name_the_field(document, where):
    with pytest.raises(InputError) as caught:
        openness.read(document)
    assert caught.value.where == where


def test_the_nearest_licence_holds():
    listed = [{"name": "Datasets"}, {"name": "Training code", "license": "ISC"}, {"name": "Model card"}]
    general = {"distribution": {"name": "MIT"}, "data": {"name": "ODbL-1.0"}}
    found = openness.read({"release": {"license": general, "components": listed}})
    assert found == {"datasets": "ODbL-1.0", "training_code": "ISC", "model_card": "MIT"}


def test_what_the_catalogue_knows_is_classified_with_its_source():
    model = catalogue.load().models["deepseek-r1"]
    found = openness.classify(model.components)
    assert (found.level, found.missing) == (0, ("data_card",))
    assert model.sources["components"].observed == "2025-05-30"
    assert (model.disclosure, model.sources["disclosure"].observed) == (32, "2025-12")
    assert catalogue.load().models["glm-5.2"].disclosure is None


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/gap")
def test_the_framework_s_own_tool_agrees_on_every_model():
    text = re.sub(r",(\s*[}\]])", r"\1", (SHARED / "expected_results.json").read_text())
    models = json.loads(text)["models"]
    for model in models:
        found = openness.classify(openness.read({"release": model["release"]}))
        told = model["classification"]
        assert found.level == told["class"], model["release"]["name"]
        for level, share in told["progress"].items():
            assert found.progress[int(level)] * 100 == pytest.approx(share)
    assert len(models) == 27
