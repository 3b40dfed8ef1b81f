"""What the vectors of `mine`, `eval` and `verify` would cost, by the texts that the cache lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from syneg_cli.data import Dataset
from syneg_cli.encoding import ApiEncoder, Texts, Unpaid, unpaid
from syneg_cli.evaluation import Expansion
from syneg_cli.llm import embedding_api
from syneg_cli.mining import uses_encoder
from syneg_cli.stages import encoders
from syneg_cli.stages.expanding import expansion_of
from syneg_cli.stages.mine import backbone_of
from syneg_cli.stages.session import Session
from syneg_cli.stages.several import measured_subjects
from syneg_cli.stages.subjects import Asked
from syneg_cli.stages.verify import verify_stages

Lists = Callable[[ApiEncoder], Sequence[Texts]]


@dataclass
class VectorEstimates:
    """(data set, what its vectors need) for each model behind an API, and the models that run here."""

    apis: list[tuple[str, Unpaid]] = field(default_factory=list)
    here: list[str] = field(default_factory=list)

    def add(self, session: Session, dataset: Dataset, name: str, lists: Lists) -> None:
        """Count the texts that a model would be asked for; one that runs here is only named."""
        if embedding_api(name) is None:
            self.here += [name] if name not in self.here else []
            return
        encoder = encoders.open_encoder(session, dataset, name)
        assert isinstance(encoder, ApiEncoder)
        self.apis.append((dataset.name, unpaid(encoder, lists(encoder))))


def estimate_mining(session: Session, dataset: Dataset) -> VectorEstimates:
    """Of the miners that read a backbone's vectors; nothing is sent."""
    found = VectorEstimates()
    if any(map(uses_encoder, session.project.mine.miners)):
        found.add(session, dataset, backbone_of(session), _searching(dataset, "train"))
    return found


def estimate_measuring(session: Session, names: Sequence[str], asked: Asked) -> VectorEstimates:
    """Of all systems that would be measured, and their baselines. Raises as `measured_subjects`."""
    found = VectorEstimates()
    counted: set[tuple[str, str]] = set()
    for one, dataset, subject in measured_subjects(session, names, asked):
        model = dataset.name, subject.location
        if subject.is_run or subject.is_bm25 or model in counted:
            continue  # a model alone is the baseline of itself, and asks for nothing that it does not
        counted.add(model)
        beside = expansion_of(one, dataset, one.project.eval.search)
        found.add(one, dataset, subject.location, _searching(dataset, one.project.eval.split, beside))
    return found


def estimate_scorers(session: Session, dataset: Dataset) -> VectorEstimates:
    """Of the checks that compute scores, where they are asked for. Raises as `verify_stages`."""
    found, settings = VectorEstimates(), session.project.verify
    if "cross-encoder" in settings.checks and settings.cross_encoder:
        found.here.append(settings.cross_encoder)
    if "margin" not in settings.checks:
        return found
    every = [one for stage in verify_stages(session, dataset) for one in stage.candidates()]
    queries = sorted({one.query_id for one in every})
    positives = sorted({doc_id for one in every for doc_id in one.positives})
    passages = [dataset.corpus[doc_id].full_text for doc_id in positives] + [one.full_text for one in every]

    def lists(encoder: ApiEncoder) -> list[Texts]:
        asked = encoder.of_list([dataset.queries[query_id].text for query_id in queries], "query")
        return [asked, encoder.of_list(passages, "document")]

    found.add(session, dataset, backbone_of(session), lists)
    return found


def _searching(dataset: Dataset, split: str, beside: Expansion | None = None) -> Lists:
    """The corpus, the queries of a split, and those that documents are expanded with."""

    def lists(encoder: ApiEncoder) -> list[Texts]:
        texts = [dataset.queries[query_id].text for query_id in dataset.qrels(split)]
        written = [encoder.of_list(beside.texts, "query")] if beside else []
        return [encoder.of_corpus(dataset.corpus), encoder.of_list(texts, "query"), *written]

    return lists
