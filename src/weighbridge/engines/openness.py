"""How open a model is: its class in the Model Openness Framework 1.0 (White et al. 2024, arXiv 2403.13784).

A model is judged by its components: what was released, and under which licence each may be used. A class takes all of
its components under open licences, and all of the classes below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from msgspec import Struct

from weighbridge.engines.licences import is_open
from weighbridge.errors import InputError, did_you_mean

Component = Literal[
    "architecture",
    "preprocessing_code",
    "training_code",
    "inference_code",
    "evaluation_code",
    "tools",
    "parameters",
    "intermediate_parameters",
    "datasets",
    "evaluation_data",
    "metadata",
    "outputs",
    "model_card",
    "data_card",
    "report",
    "paper",
    "results",
]
COMPONENTS: tuple[str, ...] = get_args(Component)
TITLES = {1: "Class I, Open Science", 2: "Class II, Open Tooling", 3: "Class III, Open Model", 0: "no class"}

_THIRD = ("architecture", "parameters", "report", "results", "model_card", "data_card")
_SECOND = ("training_code", "inference_code", "evaluation_code", "evaluation_data")
_FIRST = ("paper", "datasets", "preprocessing_code", "intermediate_parameters")
_NAMES = {
    "Model architecture": "architecture",
    "Data preprocessing code": "preprocessing_code",
    "Training code": "training_code",
    "Inference code": "inference_code",
    "Evaluation code": "evaluation_code",
    "Supporting libraries and tools": "tools",
    "Model parameters (Final)": "parameters",
    "Model parameters (Intermediate)": "intermediate_parameters",
    "Datasets": "datasets",
    "Evaluation data": "evaluation_data",
    "Model metadata": "metadata",
    "Sample model outputs": "outputs",
    "Model card": "model_card",
    "Data card": "data_card",
    "Technical report": "report",
    "Research paper": "paper",
    "Evaluation results": "results",
}
_CODE = frozenset({"architecture", "preprocessing_code", "training_code", "inference_code", "evaluation_code", "tools"})
_DATA = frozenset({"parameters", "intermediate_parameters", "datasets", "evaluation_data", "metadata"})


class Openness(Struct, frozen=True):
    """A model's class: 1 (all of science is open) to 3 (the model is open), 0 for none.

    `progress` is the share of each class's components that are open, by class; that of a class counts only where the
    one below it is whole. `missing` are those that the next class would take: not released, or not under an open licence.
    """

    level: int
    progress: dict[int, float]
    missing: tuple[str, ...]

    @property
    def title(self) -> str:
        """The class in words."""
        return TITLES[self.level]


def classify(components: Mapping[str, str]) -> Openness:
    """The class of a model.

    A technical report and a research paper stand for each other in classes III and II; class I takes the paper.

    Args:
        components: What was released: the name of the component (one of `COMPONENTS`), and its licence, "" for none.

    Raises:
        InputError: A component is none of the framework's.
    """
    for name in components:
        if name not in COMPONENTS:
            raise InputError(f"'{name}' is no component of a model.", where=name, fix=did_you_mean(name, COMPONENTS))
    free = {name for name, licence in components.items() if is_open(licence)}
    if "paper" in free:
        free.add("report")
    second = (*_THIRD, *_SECOND)
    # A report that a paper stands for is not asked for besides it.
    first = tuple(name for name in (*second, *_FIRST) if name != "report" or "paper" not in free)
    progress = {3: 0.0, 2: 0.0, 1: 0.0}
    level = 0
    missing: tuple[str, ...] = ()
    for reached, wanted in ((3, _THIRD), (2, second), (1, first)):
        progress[reached] = sum(name in free for name in wanted) / len(wanted)
        missing = tuple(name for name in wanted if name not in free)
        if missing:
            break
        level = reached
    return Openness(level, progress, missing)


def read(document: Any) -> dict[str, str]:
    """The components of a model in the framework's own form, each with the licence that holds for it.

    That is the component's own licence, else the one that the release has for its kind (code, data, document), else the
    one of the whole distribution.

    Args:
        document: As the YAML or JSON file has it, with `release`, `license` and `components`.

    Raises:
        InputError: It has another form; `where` is the field.
    """
    release = _table(_table(document, "").get("release"), "release")
    general = {
        kind: str(_table(told, f"release.license.{kind}").get("name") or "")
        for kind, told in _table(release.get("license") or {}, "release.license").items()
    }
    found: dict[str, str] = {}
    listed = release.get("components")
    if not isinstance(listed, list):
        raise InputError("There is no list of components.", where="release.components", fix="Give the list.")
    for place, row in enumerate(listed):
        where = f"release.components[{place}]"
        told = _table(row, where)
        name = str(told.get("name") or "")
        if name not in _NAMES:
            raise InputError(
                f"'{name[:60]}' is no component of the framework.",
                where=f"{where}.name",
                fix=did_you_mean(name, _NAMES),
            )
        own = str(told.get("license") or "")
        found[_NAMES[name]] = own or general.get(_kind(_NAMES[name])) or general.get("distribution", "")
    return found


def _kind(component: str) -> str:
    return "code" if component in _CODE else "data" if component in _DATA else "document"


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(
            "It is no table of fields.", where=where or "document", fix="Give it as the framework's files have it."
        )
    return value
