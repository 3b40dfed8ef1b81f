"""Files that are not plain UTF-8: other encodings, HTML, PDF, Word; what is broken is left out by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.data.imports.converting import Converter
from tests.conftest import Cli
from tests.data.imports.conftest import corpus, docx, left_out, pdf, without, write
from tests.fuzz.commands import Project

LATIN = "Déjà vu: une fois de plus, l'élève a oublié son cahier à la maison. Très fâché, le maître."
RUSSIAN = "Привет, мир. Это обычный русский текст в старой кодировке, для проверки."


def test_encodings_are_told(cli: Cli) -> None:
    write(
        Path("docs"),
        latin_txt=LATIN.encode("cp1252"),
        russian_txt=RUSSIAN.encode("cp1251"),
        utf16_txt="Größe zählt.".encode("utf-16"),
        marked_txt="Größe zählt nicht.".encode("utf-8-sig"),
        windows_txt=b"One line.\r\nAnother.",
    )
    result = cli("import", "docs", "--json")
    texts = {name: row["text"] for name, row in corpus("docs-data").items()}
    assert texts == {
        "latin.txt": LATIN,
        "marked.txt": "Größe zählt nicht.",
        "russian.txt": RUSSIAN,
        "utf16.txt": "Größe zählt.",
        "windows.txt": "One line.\nAnother.",
    }
    assert result.json["decoded"] == [
        {"file": "latin.txt", "encoding": "cp1252"},
        {"file": "russian.txt", "encoding": "cp1251"},
        {"file": "utf16.txt", "encoding": "utf-16"},
    ]
    told = cli("import", "docs").out
    assert "3 files, read as what each was taken for: latin.txt (cp1252)" in told
    assert "; --encoding NAME where that is wrong" in told


def test_an_encoding_can_be_named(cli: Cli) -> None:
    write(Path("docs"), a_txt="Zażółć gęślą jaźń".encode("cp1250"), b_txt="Größe.")
    assert cli("import", "docs", "--encoding", "windows-1250").code == 0
    assert [row["text"] for row in corpus("docs-data").values()] == ["Zażółć gęślą jaźń", "Größe."]
    wrong = cli("import", "docs", "--encoding", "klingon")
    assert (wrong.code, "--encoding: no encoding is called so, not 'klingon'" in wrong.err) == (2, True)
    assert left_out(cli("import", "docs", "--encoding", "ascii", "--json").json) == {
        "a.txt": "neither UTF-8 nor ascii"
    }


def test_an_encoding_is_guessed_by_the_letters_that_tell_it(cli: Cli) -> None:
    """They may stand far behind the beginning, or be few."""
    long = "All of this is plain. " * 4000 + LATIN
    write(Path("docs"), long_txt=long.encode("cp1252"), short_txt="café".encode("cp1252"))
    result = cli("import", "docs", "--tokens", "0", "--json")
    assert [row["text"] for row in corpus("docs-data").values()] == [long, "café"]
    assert result.json["decoded"] == [
        {"file": name, "encoding": "cp1252"} for name in ("long.txt", "short.txt")
    ]


def test_html_pdf_and_word(cli: Cli) -> None:
    folder = write(
        Path("docs"),
        page_html="<html><head><title>The page</title><script>no()</script></head>"
        "<body><h2>Part</h2><p>Of the page.</p></body></html>",
        broken_pdf=b"%PDF-1.4\nno",
        broken_docx=b"PK\x03\x04 no",
    )
    docx(folder / "letter.docx", ("Heading1", "A letter"), ("Normal", "Dear reader."))
    pdf(folder / "paper.pdf", "A paper of one page.", "With two lines.")
    result = cli("import", "docs", "--json")
    assert result.code == 0, result.err
    found = corpus("docs-data")
    assert [found["letter.docx"][key] for key in ("title", "text")] == ["A letter", "Dear reader."]
    assert [found["page.html"][key] for key in ("title", "text")] == ["The page › Part", "Of the page."]
    assert "A paper of one page." in found["paper.pdf"]["text"]
    assert found["paper.pdf"]["metadata"] == {"file": "paper.pdf", "passage": 1, "passages": 1}
    reasons = left_out(result.json)
    assert set(reasons) == {"broken.docx", "broken.pdf"}
    assert reasons["broken.docx"] == "broken, or no .docx file (BadZipFile)"
    assert reasons["broken.pdf"].startswith("broken, or no .pdf file (")


def test_a_packed_document_that_would_fill_the_memory(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(Path("docs"), a_txt="A.")
    docx(folder / "bomb.docx", ("Normal", "x" * 5000))
    monkeypatch.setattr("syneg_cli.data.imports.reading.GROWTH", 0)
    assert left_out(cli("import", "docs", "--json").json)["bomb.docx"].startswith("would unpack to")


def test_without_markitdown_such_files_are_left_out(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "markitdown")
    write(Path("docs"), a_txt="A.", b_html="<p>B.</p>", c_pdf=b"%PDF-1.4")
    result = cli("import", "docs", "--json")
    assert left_out(result.json) == {
        "b.html": ".html needs markitdown: pip install 'syneg[documents]'",
        "c.pdf": ".pdf needs markitdown: pip install 'syneg[documents]'",
    }
    assert list(corpus("docs-data")) == ["a.txt"]


def test_a_markitdown_that_cannot_be_loaded_is_to_blame_not_the_file(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "markitdown.py").write_text("raise ImportError('half of it is missing')")
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), known))))
    write(Path("docs"), a_txt="A.", b_html="<p>B.</p>")
    result = cli("import", "docs", "--json")
    why = ".html needs markitdown, which cannot be loaded: pip install 'syneg[documents]'"
    assert left_out(result.json) == {"b.html": why}
    assert list(corpus("docs-data")) == ["a.txt"]


@settings(max_examples=40)
@given(
    ending=st.sampled_from(
        [".txt", ".md", ".html", ".pdf", ".docx", ".epub", ".ipynb", ".csv", ".jsonl", ".db", ""]
    ),
    content=st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.binary(max_size=99).map(lambda data: b"PK\x03\x04" + data)
    | st.binary(max_size=99).map(lambda data: b"%PDF-1.7\n" + data)
    | st.binary(max_size=99).map(lambda data: b"SQLite format 3\0" + data),
)
def test_whatever_a_file_holds_an_import_ends_in_words(
    ending: str, content: bytes, tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    call = Project(folder)
    docs = write(folder / "docs", fine_txt="Text.")
    (docs / f"odd{ending}").write_bytes(content)
    (folder / f"alone{ending}").write_bytes(content)
    assert call("import", "docs")[0] == 0
    call("import", f"alone{ending}", "--output", "out", "--query", "SELECT 1 AS text")
    call("import", f"alone{ending}", "--output", "out")


def test_a_conversion_that_does_not_end_costs_its_file_alone(cli: Cli) -> None:
    """Before, one such file kept the whole import for ever; those before and after it are read."""
    docs = write(Path("docs"), a_html="<p>The first page.</p>", c_html="<p>The last page.</p>")
    (docs / "b.html").write_text("<p>word <b>by</b> word</p>" * 600_000)
    result = cli("import", docs, "--max-seconds", 4, "--json")
    assert result.code == 0, result.err
    assert left_out(result.json) == {"b.html": "not converted within 4 s (--max-seconds)"}
    assert [row["text"] for row in corpus("docs-data").values()] == ["The first page.", "The last page."]


def test_a_conversion_that_dies_costs_its_file_alone(tmp_path: Path) -> None:
    """As where a machine without memory ends it."""
    page = write(tmp_path / "docs", a_html="<p>The first page.</p>") / "a.html"
    with Converter(60) as converter:
        assert converter.convert(page, "HtmlConverter")["markdown"] == "The first page."
        assert converter._process is not None
        converter._process.kill()
        converter._process.wait()
        with pytest.raises(ChildProcessError):
            converter.convert(page, "HtmlConverter")
        assert converter.convert(page, "HtmlConverter")["markdown"] == "The first page."
