"""What an arm is given by its settings: steps, texts, negatives; and where its control has something else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from syneg_cli.core import Pair, read_synthetic
from syneg_cli.data import Dataset
from syneg_cli.evaluation import TrainedOn, exposure
from syneg_cli.mixing import check_strategy
from syneg_cli.stages.project import changed
from syneg_cli.stages.session import Session
from syneg_cli.stages.settings import Project
from syneg_cli.studies import ArmPlan, Spent


def spent_of(session: Session, project: Project, dataset: Dataset, trials: int) -> Spent:
    """What one run is given, by the settings; what was drawn in the end is in its row of results."""
    pairs, synthetic = _pairs(session, project, dataset)
    per_pair = [synthetic.get(pair, 0) for pair in pairs]
    strategy = check_strategy(project.mix.strategy)
    negatives = _negatives(project, per_pair)
    mirrored = sum(per_pair) / max(1, len(pairs)) if strategy.mirrors else 0.0
    section = project.train
    batches = section.epochs * math.ceil(len(pairs) / section.batch_size)
    of_pair = 1.0 if section.refresh == "adore" else 2 + negatives + 2 * mirrored
    in_batch = min(section.batch_size, len(pairs)) * section.accumulation
    return Spent(math.ceil(batches / section.accumulation), in_batch * of_pair, negatives, trials)


def _pairs(session: Session, project: Project, dataset: Dataset) -> tuple[list[Pair], Mapping[Pair, int]]:
    """(the training pairs, how many synthetic negatives each has)."""
    pairs = dataset.pairs("train")
    if project.queries.weight and dataset.judgements.get("train"):
        resolved = replace(session.resolved, project=project)
        pairs = replace(session, resolved=resolved).dataset().pairs("train")
    strategy = check_strategy(project.mix.strategy)
    path = session.workspace(dataset).synthetic(project.generate.name)
    if (not strategy.reads_synthetic and not strategy.mirrors) or not path.is_file():
        return pairs, {}
    usable = (one for one in read_synthetic(path) if one.status == "ok")
    return pairs, Counter(Pair(one.query_id, one.positive_id) for one in usable)


def _negatives(project: Project, per_pair: list[int]) -> float:
    """Negatives of an instance, on average: a strategy that draws synthetic ones alone may have fewer."""
    k, strategy = project.mix.negatives, project.mix.strategy
    if strategy not in ("synthetic", "direct") or not per_pair:
        return float(k)
    alone = sum(min(k, count) for count in per_pair) / len(per_pair)
    if strategy == "synthetic":
        return alone
    weight = project.mix.ratio * k  # as `direct` draws the kind: R holds for the negatives, not the instances
    share = weight / (alone + weight) if alone + weight else 0.0
    return share * alone + (1 - share) * k


def met_by_written(session: Session, dataset: Dataset, unseen: Sequence[str], arm: ArmPlan) -> str:
    """Where an arm's LLM-written queries are about documents of queries that count as unseen; "" if not."""
    weight = arm.sets.get("queries.weight")
    if arm.makes != "trained" or not weight or not dataset.judgements.get("train"):
        return ""
    resolved = changed(session.resolved, {"queries.weight": weight}, f"the arm {arm.name}")
    written = replace(session, resolved=resolved).dataset()
    parted = exposure(TrainedOn.train(written), written, session.project.eval.split)
    met = len(set(parted.written) & set(unseen)) if parted else 0
    if not met:
        return ""
    return f"its LLM-written queries are about documents of {met} of {len(unseen)} unseen queries"


def with_controls(arms: list[ArmPlan], met: Callable[[ArmPlan], str]) -> list[ArmPlan]:
    """The arms with what each is not given that its control is; a soup costs what its seeds do.

    Args:
        met: what else an arm has that its control has not, in words.
    """
    by_name = {arm.name: arm for arm in arms}

    def unequal(arm: ArmPlan) -> tuple[str, ...]:
        control = by_name.get(arm.control or "")
        if control is None or arm.makes == "backbone":
            return ()
        if control.makes == "backbone":
            alike = not arm.settings or arm.settings["eval"]["max_length"]  # soups are as their seeds
            tokens = None if alike else arm.settings["train"]["max_length"]
            return (f"tokens of a text: {tokens}, its control as many as it reads",) if tokens else ()
        if arm.makes == control.makes == "trained":
            return (*arm.spent.differs_from(control.spent), *filter(None, [met(arm)]))
        of = [by_name[one.of].spent if one.of else one.spent for one in (arm, control)]
        several = () if arm.makes == control.makes else ("it is made of all seeds, its control of one",)
        return (*several, *of[0].differs_from(of[1]))

    return [replace(arm, unequal=unequal(arm)) for arm in arms]
