"""The texts of training instances that rest outside the data set: synthetic, mirrored, imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.core.artifacts import Manifest
from syneg_cli.core.errors import MissingArtifact
from syneg_cli.core.files import file_hash
from syneg_cli.core.record_files import read_synthetic
from syneg_cli.core.records import NegativeRef
from syneg_cli.mixing.mirror import own_queries, query_id_of, read_mirror
from syneg_cli.mixing.readers import read_rows, resolve

if TYPE_CHECKING:
    from syneg_cli.data.dataset import Dataset


@dataclass(frozen=True)
class Texts:
    """Texts by id that the data set does not have."""

    documents: Mapping[str, str] = field(default_factory=dict)
    """`SyntheticNegative.id`, or an imported text's id -> what is encoded."""
    queries: Mapping[str, str] = field(default_factory=dict)
    """The query id of a mirrored or imported instance -> its text."""

    def document(self, ref: NegativeRef, dataset: Dataset) -> str:
        return dataset.corpus[ref.id].full_text if ref.in_corpus else self.documents[ref.id]

    def query(self, query_id: str, dataset: Dataset) -> str:
        return self.queries.get(query_id) or dataset.queries[query_id].text


def read_texts(mixed: Manifest, dataset: Dataset) -> Texts:
    """The texts that a mix refers to, from the files it was made of.

    Raises:
        MissingArtifact: one of them is gone, or is not the file that was mixed any more.
    """
    documents: dict[str, str] = {}
    queries: dict[str, str] = {}
    if path := _unchanged(mixed, "synthetic"):
        synthetic = read_synthetic(path)
        documents |= {negative.id: negative.full_text for negative in synthetic}
        mirror = _unchanged(mixed, "mirror")
        own = own_queries(synthetic, read_mirror(mirror) if mirror else ())
        queries |= {query_id_of(negative_id): text for negative_id, text in own.items()}
    if path := _unchanged(mixed, "imported"):
        imported = resolve(read_rows(path), dataset)
        documents |= imported.documents
        queries |= imported.queries
    return Texts(documents, queries)


def _unchanged(mixed: Manifest, role: str) -> Path | None:
    if role not in mixed.paths:
        return None
    path = Path(mixed.paths[role])
    if not path.is_file() or file_hash(path) != mixed.inputs[role]:
        raise MissingArtifact(
            f"{path} is not the file that was mixed any more.",
            hint="Run `syneg mix` again, then `syneg train`.",
        )
    return path
