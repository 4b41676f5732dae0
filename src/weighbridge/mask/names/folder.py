"""What a folder with a model of names must look like before anything of it is loaded: data alone, no code, nothing unknown."""

from __future__ import annotations

import configparser
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.errors import InputError

_CODE = frozenset({".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".pkl", ".pickle", ".pth", ".pt", ".sh", ".exe"})
_MAX_FILES = 2_000
_MAX_BYTES = 2 << 30
_READER = "ner"
_SHARED = "tok2vec"
_CALLBACKS = ("before_creation", "after_creation", "after_pipeline_creation")
_KNOWN = re.compile(
    r"spacy\.(?:Tokenizer|Vectors|TransitionBasedParser|Tok2Vec|Tok2VecListener|HashEmbedCNN|MultiHashEmbed"
    r"|CharacterEmbed|MaxoutWindowEncoder|MishWindowEncoder|ner_scorer)\.v[0-9]+"
)
"""The functions that a configuration may name: spaCy's own, which read data and compute."""


class Meta(Struct, frozen=True):
    """What `meta.json` says of a model."""

    lang: str
    name: str
    version: str
    license: str = ""

    @property
    def full_name(self) -> str:
        """Language, name and version, as models of names are known."""
        return f"{self.lang}_{self.name}-{self.version}"


def find_folder(root: Path) -> Path:
    """The model's folder: `root` itself, or the one below it that holds a model.

    Raises:
        InputError: There is none, or more than one.
    """
    if _is_model(root):
        return root
    found = sorted(path.parent for path in root.rglob("config.cfg") if _is_model(path.parent))
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"{'No' if not found else 'More than one'} model of names was found there.",
        where=str(root),
        fix="Name a folder with config.cfg and meta.json as spaCy writes them, or a wheel with one such folder.",
    )


def _is_model(folder: Path) -> bool:
    return (folder / "config.cfg").is_file() and (folder / "meta.json").is_file()


def files_of(folder: Path) -> list[Path]:
    """A model's files, sorted.

    Raises:
        InputError: A file is a link or holds code, or there is too much.
    """
    files: list[Path] = []
    total = 0
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or path.suffix.lower() in _CODE:
            raise InputError(
                f"The model holds {path.relative_to(folder)}, which is a link or code.",
                where=str(folder),
                fix="Only models that are data alone are loaded. Use another one.",
            )
        if path.is_file():
            files.append(path)
            total += path.stat().st_size
        if len(files) > _MAX_FILES or total > _MAX_BYTES:
            raise InputError(
                f"The model has over {_MAX_FILES:,} files or {_MAX_BYTES >> 30} GB.",
                where=str(folder),
                fix="Use a smaller one.",
            )
    return files


def hash_of(folder: Path) -> str:
    """The SHA-256 of all files' names and contents, in hexadecimal."""
    total = hashlib.sha256()
    for path in files_of(folder):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return total.hexdigest()


def meta_of(folder: Path) -> Meta:
    """What a model says of itself.

    Raises:
        InputError: It does not say enough.
    """
    where = str(folder / "meta.json")
    try:
        meta = msgspec.json.decode((folder / "meta.json").read_bytes(), type=Meta)
    except msgspec.MsgspecError as error:
        raise InputError(f"The description cannot be read: {error}.", where=where, fix="Use another model.") from error
    if not re.fullmatch(r"[a-z]{2,3}", meta.lang) or not re.fullmatch(r"[A-Za-z0-9_.+-]{1,100}", meta.full_name):
        raise InputError("The language, name or version is unusual.", where=where, fix="Use another model.")
    return meta


def readers_of(folder: Path) -> tuple[list[str], list[str]]:
    """The parts of a model that are needed for finding names, and the others, which are never loaded.

    Raises:
        InputError: It finds no names, or names code that is none of spaCy's own.
    """
    where = str(folder / "config.cfg")
    config = configparser.ConfigParser(interpolation=None, default_section="")
    config.optionxform = str  # type: ignore[method-assign, assignment]  # option names keep their case
    try:
        config.read_string((folder / "config.cfg").read_text("utf-8"))
        pipeline: list[str] = json.loads(config["nlp"]["pipeline"])
        factories = {name: json.loads(config[f"components.{name}"]["factory"]) for name in pipeline}
    except (configparser.Error, KeyError, ValueError, OSError) as error:
        raise InputError(
            f"The configuration cannot be read: {type(error).__name__}.", where=where, fix="Use another model."
        ) from error
    needed = [name for name in pipeline if factories[name] == _READER]
    if not needed:
        raise InputError("The model has no part that finds names.", where=where, fix="Use one that has `ner`.")
    text = " ".join(
        value
        for section in config
        for value in config[section].values()
        if section.startswith(f"components.{needed[0]}.")
    )
    if "Tok2VecListener" in text:  # the reader has no network of its own: it listens to the shared one
        needed = [name for name in pipeline if factories[name] in {_READER, _SHARED}]
    for section in config:
        if (
            section == "nlp"
            or section.startswith("nlp.")
            or section.split(".")[:2] in [["components", n] for n in needed]
        ):
            _refuse_unknown(dict(config[section]), f"{where} [{section}]")
    return needed, [name for name in pipeline if name not in needed]


def _refuse_unknown(options: dict[str, Any], where: str) -> None:
    """Only spaCy's own functions may be named."""
    for option, value in options.items():
        unknown = option.startswith("@") and not _KNOWN.fullmatch(str(value).strip("\"' "))
        if unknown or (option in _CALLBACKS and value != "null"):
            raise InputError(
                f"The model asks for code that is none of spaCy's own: {option} = {value[:80]}.",
                where=where,
                fix="Only models that are data alone are loaded. Use another one.",
            )
