"""What a training run is given beside its data: other models, dev selection, where checkpoints rest."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from syneg_cli.data.dataset import Dataset
    from syneg_cli.mixing.texts import Texts
    from syneg_cli.stages.project import TrainSection
    from syneg_cli.training.adore import Frozen
    from syneg_cli.training.batches import Refresh
    from syneg_cli.training.train import Helpers


def check_adore(section: TrainSection) -> None:
    """Raises UsageError for settings that mean nothing where the documents' vectors stay as they are."""
    from syneg_cli.core.errors import UsageError

    useless = ("chunk", "balance", "guide", "cross_encoder", "matryoshka", "share_negatives")
    given = [name for name in useless if getattr(section, name)]
    if section.refresh == "adore" and given:
        raise UsageError(
            f"refresh = adore trains the query side against what it retrieves; {given[0]} has no part in it.",
            hint=f"Leave out {', '.join(given)}, or refresh.",
        )


def make_helpers(
    session: Session,
    dataset: Dataset,
    model: SentenceTransformer,
    documents: SentenceTransformer | None,
    texts: Texts,
    scratch: Path,
) -> Helpers:
    """The other models that the settings name, dev, and where checkpoints rest.

    Args:
        documents: what encodes documents, where that is not what is trained (ADORE).
    """
    from syneg_cli.core.processes import world
    from syneg_cli.encoding.encoder import Encoder
    from syneg_cli.encoding.loading import load_cross_encoder
    from syneg_cli.training.dev import DevPool
    from syneg_cli.training.guides import Guide, Teacher
    from syneg_cli.training.train import Helpers

    section = session.project.train
    guide = Guide(Encoder.load(section.guide), dataset, texts) if section.guide else None
    cross = section.cross_encoder
    teacher = Teacher(load_cross_encoder(cross), dataset, texts) if cross else None
    measure = None
    if section.dev or section.patience:
        cache = session.workspace(dataset).embeddings
        encoder = Encoder(model, precision=section.precision, cache=cache, name=section.backbone)
        pool = DevPool.build(dataset, encoder, depth=section.dev_pool, progress=session.output)
        measure = partial(pool.measure, model, documents=documents, precision=section.precision)
    return Helpers(
        dev=measure,
        guide=guide,
        guide_margin=section.guide_margin,
        teacher=teacher,
        scratch=scratch,
        save=section.save_steps,
        record=scratch if world().leads else None,
        refresh=_ance(session, dataset, model, scratch),
        frozen=_frozen(session, dataset, documents),
    )


def _frozen(session: Session, dataset: Dataset, documents: SentenceTransformer | None) -> Frozen | None:
    """The corpus as the backbone's vectors; from the embedding cache where it was mined with before."""
    from syneg_cli.encoding.encoder import Encoder
    from syneg_cli.training.adore import Frozen

    if documents is None:
        return None
    section = session.project.train
    cache = session.workspace(dataset).embeddings
    encoder = Encoder(documents, precision=section.precision, cache=cache, name=section.backbone)
    return Frozen(encoder.encode_corpus(dataset.corpus, session.output), section.refresh_depth)


def _ance(session: Session, dataset: Dataset, model: SentenceTransformer, scratch: Path) -> Refresh | None:
    from syneg_cli.training.ance import Ance

    section = session.project.train
    if section.refresh != "ance":
        return None
    return Ance(
        model,
        dataset,
        depth=section.refresh_depth,
        every=section.refresh_steps,
        seed=section.seed,
        precision=section.precision,
        scratch=scratch,
        progress=session.output,
    )
