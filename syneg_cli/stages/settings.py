"""The settings of a project: one section for each step, put together."""

from __future__ import annotations

from syneg_cli.core import Section, Text, setting
from syneg_cli.data import DatasetSettings, DocumentsSettings
from syneg_cli.encoding import EmbedSettings
from syneg_cli.evaluation import EvalSettings
from syneg_cli.generation import GenerateSettings, QuerySettings
from syneg_cli.mining import MineSettings
from syneg_cli.mixing import MixSettings
from syneg_cli.studies import StudySettings
from syneg_cli.training import TrainSettings
from syneg_cli.verification import VerifySettings


class Project(Section):
    """Everything that syneg.toml can hold."""

    work_dir: Text = setting(
        ".syneg", "Where results are stored, relative to the project file.", metavar="FOLDER"
    )
    dataset: DatasetSettings = DatasetSettings()
    documents: DocumentsSettings = DocumentsSettings()
    queries: QuerySettings = QuerySettings()
    generate: GenerateSettings = GenerateSettings()
    mine: MineSettings = MineSettings()
    embed: EmbedSettings = EmbedSettings()
    verify: VerifySettings = VerifySettings()
    mix: MixSettings = MixSettings()
    train: TrainSettings = TrainSettings()
    eval: EvalSettings = EvalSettings()
    study: StudySettings = StudySettings()
