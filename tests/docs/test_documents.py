# SPDX-License-Identifier: BSD-3-Clause
"""What the documents claim about names, defaults and files is what the package has."""

import ast
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from celery import Celery

import igwn_alert_celery.signals
from igwn_alert_celery import Alert, IGWNAlert
from igwn_alert_celery.metrics import Metrics, State
from igwn_alert_celery.record import RecordInfo
from igwn_alert_celery.settings import Settings
from tests.docs.markdown import DOCUMENTS, ROOT, blocks, code, links, table, text_of

README = ROOT / "README.md"
EXAMPLES = [path.read_text() for path in sorted((ROOT / "examples").rglob("*.py"))]
PYTHON = [block for document in DOCUMENTS for block in blocks(document, "python")]


def test_every_setting_stands_in_the_table_with_its_default():
    shown = {}
    for name, _, default in table(README, "name", "meaning", "default"):
        shown[code(name)[0]] = ast.literal_eval(code(default)[0])
    settings = Settings()
    assert shown == {item.name: getattr(settings, item.name) for item in fields(Settings)}
    assert list(shown) == [item.name for item in fields(Settings)]


def test_every_setting_in_seconds_or_bytes_says_so():
    for name, meaning, _ in table(README, "name", "meaning", "default"):
        for ending, unit in (("_s`", "seconds"), ("_bytes`", "bytes")):
            if name.endswith(ending):
                assert unit in meaning, name


def test_the_table_of_what_a_handler_gets_is_whole():
    shown = {name for row in table(README, "property", "is") for name in code(row[0])}
    public = {name for name in vars(Alert) if not name.startswith("_")}
    info = {item.name for item in fields(RecordInfo)} | {"age_s"}
    assert shown == (public - {"copy"}) | {"record"} | {f"record.{name}" for name in info}


def test_the_table_of_signals_is_whole():
    shown = {
        code(name)[0]: set(code(arguments))
        for name, arguments, _ in table(README, "signal", "arguments", "sent when")
    }
    module = igwn_alert_celery.signals
    assert shown == {name: getattr(module, name).providing_args for name in module.__all__}


def test_the_table_of_the_status_is_whole():
    shown = {name for row in table(README, "key", "says") for name in code(row[0])}
    assert shown == {*Metrics().as_dict(), "app", "handlers"}


def test_the_states_are_all_named():
    (sentence,) = re.findall(r"The states are ([^.]*)\.", README.read_text())
    assert set(code(sentence)) == {state.value for state in State}


def test_every_argument_of_the_decorator_is_explained():
    shown = " ".join(row[0] for row in table(README, "argument", "the alert must"))
    names = IGWNAlert.handler.__kwdefaults__
    assert names.keys() == set(re.findall(r"`(\w+)=", shown))


def test_the_options_of_the_worker_are_those_that_are_shown():
    app = Celery("followup", set_as_current=False)
    IGWNAlert(app)
    (option,) = app.user_options["worker"]
    shown = set(re.findall(r"--(?:no-)?igwn-alert\b", README.read_text()))
    assert shown == {*option.opts, *option.secondary_opts}


def test_every_guarantee_names_a_test_that_exists():
    for _, _, proof in table(README, "when", "then", "shown by"):
        for name in code(proof):
            if name.startswith("test_"):
                assert list((ROOT / "tests").rglob(name)), name


def test_the_glossary_explains_the_words_that_are_easily_mixed_up():
    words = " ".join(row[0] for row in table(README, "word", "means")).lower()
    for word in ("group", "consumer group", "celery group", "`-c`", "topic", "record", "alert"):
        assert word in words
    for word in ("task message", "dead letter", "ledger", "task broker"):
        assert word in words


def test_every_example_stands_in_their_list():
    shown = {path.name for path in links(ROOT / "examples" / "README.md")}
    files = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert files | {"alert.json"} <= shown


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in links(document):
        assert target.exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_and_make_targets_that_are_named_exist(document):
    text = text_of(document)
    makefile = (ROOT / "Makefile").read_text()
    commands = " ".join([*code(text), *(block.text for block in blocks(document, "console"))])
    for target in re.findall(r"\bmake ([a-z]+)", commands):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:tests|docs|examples)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_this_machine(document):
    assert not re.search(r"/(root|work|tmp)/", document.read_text())


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_python_in_a_document_is_part_of_an_example_or_runs_by_itself(block):
    if any(block.text in example for example in EXAMPLES):
        return
    before = set(sys.modules)
    names = {"__name__": "document"}
    exec(compile(block.text, block.place, "exec"), names)
    if "make_app" in names:
        assert isinstance(names["make_app"](), Celery)
    assert set(sys.modules) >= before


def test_the_example_of_the_readme_is_the_file():
    (block,) = (
        block for block in PYTHON if 'Celery("followup"' in block.text and "def on_" in block.text
    )
    example = (ROOT / "examples" / "followup.py").read_text()
    assert example.removeprefix("# SPDX-License-Identifier: BSD-3-Clause\n") == block.text
    assert block.text.count("\n") <= 15


def test_the_documents_say_where_filters_and_signal_receivers_run():
    for document in (README, ROOT / "docs" / "architecture.md"):
        text = " ".join(text_of(document).split())
        assert re.search(
            r"[Ff]ilters[^.]* and signal receivers run on the receiver's own thread", text
        )
        assert "green locks" in text


def test_every_decision_has_context_choice_and_price():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        titles = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
        assert titles[0].startswith(f"{int(path.name[:4])}. ")
        assert titles[1:] == ["Context", "Choice", "Price"]


def test_decisions_name_files_that_exist():
    package = ROOT / "igwn_alert_celery"
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        for name in re.findall(r"`([\w/]+\.(?:py|lua))`", path.read_text()):
            assert (package / name).is_file() or (ROOT / name).is_file(), f"{path.name}: {name}"


def test_the_root_is_the_repository():
    assert Path(igwn_alert_celery.__file__).parents[1] == ROOT
