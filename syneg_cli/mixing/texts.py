"""The texts of training instances that are not in the data set: synthetic, mirrored, imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from syneg_cli.core import (
    Known,
    Manifest,
    MissingArtifact,
    NegativeRef,
    Passage,
    SyntheticNegative,
    file_hash,
    read_synthetic,
)
from syneg_cli.data import Dataset
from syneg_cli.mixing.mirror import OwnQuery, own_queries, query_id_of, read_mirror
from syneg_cli.mixing.readers import Imported, read_imported


@dataclass(frozen=True)
class Texts:
    """Texts by id that the data set does not have."""

    documents: Mapping[str, str] = field(default_factory=dict)
    """`SyntheticNegative.id`, or an imported text's id -> what is encoded."""
    queries: Mapping[str, str] = field(default_factory=dict)
    """The query id of a mirrored or imported instance -> its text."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """The beginning of a document that is its title, where it has one."""

    def known(self, dataset: Dataset) -> Known:
        """The ids that the instances of a mix may name."""
        return replace(dataset.known, texts=self.documents, own_queries=self.queries)

    def document(self, ref: NegativeRef, dataset: Dataset) -> str:
        return dataset.corpus[ref.id].full_text if ref.in_corpus else self._own(ref.id)

    def _own(self, name: str) -> str:
        if name not in self.documents:
            raise MissingArtifact(
                f"The mix refers to {name}, and there is no such text, or more than one of that name.",
                hint="Run `syneg mix --force` again, then the training.",
            )
        return self.documents[name]

    def passage(self, ref: NegativeRef, dataset: Dataset) -> Passage:
        """Title and text apart, wherever the document comes from."""
        if ref.in_corpus:
            found = dataset.corpus[ref.id]
            return Passage(ref.id, found.title.strip(), found.text.strip())
        title = self.titles.get(ref.id, "")
        return Passage(ref.id, title, self._own(ref.id).removeprefix(title).strip())

    def query(self, query_id: str, dataset: Dataset) -> str:
        return self.queries.get(query_id) or dataset.queries[query_id].text


def read_texts(mixed: Manifest, dataset: Dataset) -> Texts:
    """The texts that a mix refers to, from the files it was made of.

    Raises:
        MissingArtifact: one of them is gone, or is not the file that was mixed any more.
    """
    synthetic, mirror, file = (_unchanged(mixed, role) for role in ("synthetic", "mirror", "imported"))
    return texts_of(
        read_synthetic(synthetic, known=dataset.known) if synthetic else (),
        read_mirror(mirror) if mirror else (),
        read_imported(file, dataset) if file else None,
    )


def texts_of(
    synthetic: Sequence[SyntheticNegative], mirror: Iterable[OwnQuery] = (), imported: Imported | None = None
) -> Texts:
    """The texts that training instances of these negatives refer to."""
    documents, titles, queries = {}, {}, {}
    own = own_queries(synthetic, mirror)
    for negative, name in _names(synthetic):
        documents[name] = negative.full_text
        if title := negative.title.strip():
            titles[name] = title
        if query := own.get(negative.id):
            queries[query_id_of(name)] = query
    if imported is not None:
        documents |= imported.documents
        queries |= imported.queries
    return Texts(documents, queries, titles)


def _names(synthetic: Sequence[SyntheticNegative]) -> Iterator[tuple[SyntheticNegative, str]]:
    """Every negative by its id, and by the one that a mix of 0.1 calls it, where no other has that."""
    shared = Counter(negative.earlier_id for negative in synthetic)
    for negative in synthetic:
        yield negative, negative.id
        if negative.earlier_id != negative.id and shared[negative.earlier_id] == 1:
            yield negative, negative.earlier_id


def _unchanged(mixed: Manifest, role: str) -> Path | None:
    if role not in mixed.paths:
        return None
    path = Path(mixed.paths[role])
    if not path.is_file() or file_hash(path) != mixed.inputs.get(role):
        raise MissingArtifact(
            f"{path} is not the file that was mixed any more.",
            hint="Run `syneg mix` again, then the training.",
        )
    return path
