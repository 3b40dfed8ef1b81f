"""A project's stages: settings, session, and one class per stage with its plan and its run."""

from syneg_cli.stages.asks import UNSENT, UNWRITTEN, Asks, Generated
from syneg_cli.stages.batch_files import fetch, hand_in
from syneg_cli.stages.beginning import begun
from syneg_cli.stages.demo import run_arms, write_demo
from syneg_cli.stages.doctor import bug_report, examine
from syneg_cli.stages.documents import example_text
from syneg_cli.stages.evaluate import Measured, measuring
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.import_documents import import_documents
from syneg_cli.stages.language_model import (
    cache_path,
    open_cache,
    remembering,
    same_server,
    stored_answers,
)
from syneg_cli.stages.mine import Mined, mine_stages
from syneg_cli.stages.mirror_queries import MirroredQueries, MirrorQueries
from syneg_cli.stages.mix import Mix, MixedRecord, mix_of, mixed_name
from syneg_cli.stages.mteb_results import write_mteb
from syneg_cli.stages.owner import need_own, tell_of_other
from syneg_cli.stages.pilot import Pilot
from syneg_cli.stages.pipeline import State, beginning_states, run_stages, stages_of, states, with_costs
from syneg_cli.stages.project import PROJECT_FILE, field_of, flag_of, resolve, setting_keys
from syneg_cli.stages.project_files import (
    HALF,
    lacking_split,
    looked_at,
    needs_relevance,
    new_session,
    write_project,
)
from syneg_cli.stages.prompts import rendered_prompt
from syneg_cli.stages.queries import Queries
from syneg_cli.stages.report import (
    SAMPLED,
    page_of,
    report_workspace,
    reported,
)
from syneg_cli.stages.request_files import Requests
from syneg_cli.stages.rerank import need_no_depth
from syneg_cli.stages.session import Session
from syneg_cli.stages.settings import Project
from syneg_cli.stages.several import Measurements, measure_all
from syneg_cli.stages.stage import Performed, Stage, perform
from syneg_cli.stages.study import run_study
from syneg_cli.stages.study_states import study_states
from syneg_cli.stages.subjects import Asked
from syneg_cli.stages.train import Train
from syneg_cli.stages.vector_estimates import (
    VectorEstimates,
    estimate_measuring,
    estimate_mining,
    estimate_scorers,
)
from syneg_cli.stages.verify import estimate_judge, judge_requests, verify_stages

__all__ = [
    "HALF",
    "PROJECT_FILE",
    "SAMPLED",
    "UNSENT",
    "UNWRITTEN",
    "Asked",
    "Asks",
    "Generate",
    "Generated",
    "Measured",
    "Measurements",
    "Mined",
    "MirrorQueries",
    "MirroredQueries",
    "Mix",
    "MixedRecord",
    "Performed",
    "Pilot",
    "Project",
    "Queries",
    "Requests",
    "Session",
    "Stage",
    "State",
    "Train",
    "VectorEstimates",
    "beginning_states",
    "begun",
    "bug_report",
    "cache_path",
    "estimate_judge",
    "estimate_measuring",
    "estimate_mining",
    "estimate_scorers",
    "examine",
    "example_text",
    "fetch",
    "field_of",
    "flag_of",
    "hand_in",
    "import_documents",
    "judge_requests",
    "lacking_split",
    "looked_at",
    "measure_all",
    "measuring",
    "mine_stages",
    "mix_of",
    "mixed_name",
    "need_no_depth",
    "need_own",
    "needs_relevance",
    "new_session",
    "open_cache",
    "page_of",
    "perform",
    "remembering",
    "rendered_prompt",
    "report_workspace",
    "reported",
    "resolve",
    "run_arms",
    "run_stages",
    "run_study",
    "same_server",
    "setting_keys",
    "stages_of",
    "states",
    "stored_answers",
    "study_states",
    "tell_of_other",
    "verify_stages",
    "with_costs",
    "write_demo",
    "write_mteb",
    "write_project",
]
