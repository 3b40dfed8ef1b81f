"""What a judge of written queries would be asked, before anything is: at most so much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syneg_cli.core import SyntheticQuery
from syneg_cli.data import Dataset
from syneg_cli.generation import Prompt, QuerySettings
from syneg_cli.llm import Request
from syneg_cli.round_trip.check import candidate_for, worth_checking
from syneg_cli.round_trip.search import asked_of
from syneg_cli.verification import judge_request

STAND_IN = "a query of about as many words as those that are written"


def judge_requests(
    written: Sequence[SyntheticQuery],
    unwritten: Sequence[str],
    dataset: Dataset,
    settings: QuerySettings,
    prompt: Prompt,
    *,
    seed: int,
) -> Iterator[Request]:
    """A request for each query with its document, and one for each further document of the pool.

    Which documents those are is known only when the queries are there and search: any others of the
    corpus, by their places, stand for them, as does a text for a query that is not written yet.

    Args:
        written: the queries that are stored.
        unwritten: the documents whose queries are not, by id.
    """
    kept = worth_checking(written, dataset, settings)
    queries = [*kept, *(_stand_in(doc_id, n) for doc_id in unwritten for n in range(1, settings.n + 1))]
    asked, ids = asked_of(dataset, queries), dataset.corpus.ids
    for query in queries:
        own = dataset.corpus.row(query.doc_id)
        more = min(settings.judge_pool, len(ids) - 1)
        for doc_id in (query.doc_id, *(ids[(own + step) % len(ids)] for step in range(1, more + 1))):
            yield judge_request(prompt, asked, candidate_for(query, doc_id, dataset), seed)


def _stand_in(doc_id: str, index: int) -> SyntheticQuery:
    return SyntheticQuery(doc_id, index, f"{STAND_IN} {doc_id} {index}", prompt="", llm="", key="")
