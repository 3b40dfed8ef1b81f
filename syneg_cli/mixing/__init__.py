"""From negatives to training instances: pools, strategies, mirror, other tools' training files."""

from syneg_cli.mixing.families import Families, families
from syneg_cli.mixing.mirror import OwnQuery, own_queries, read_mirror
from syneg_cli.mixing.mix import Mixed, mix_negatives, short_of_synthetic
from syneg_cli.mixing.ratio import FEW, as_ratio, asked, misses, reached, reached_share, share_of
from syneg_cli.mixing.readers import Imported, read_imported
from syneg_cli.mixing.settings import MixSettings
from syneg_cli.mixing.strategies import STRATEGIES, check_strategy
from syneg_cli.mixing.texts import Texts, read_texts, texts_of
from syneg_cli.mixing.writers import FORMATS, TRIPLETS, check_format, export, output_file, rows

__all__ = [
    "FEW",
    "FORMATS",
    "STRATEGIES",
    "TRIPLETS",
    "Families",
    "Imported",
    "MixSettings",
    "Mixed",
    "OwnQuery",
    "Texts",
    "as_ratio",
    "asked",
    "check_format",
    "check_strategy",
    "export",
    "families",
    "misses",
    "mix_negatives",
    "output_file",
    "own_queries",
    "reached",
    "reached_share",
    "read_imported",
    "read_mirror",
    "read_texts",
    "rows",
    "share_of",
    "short_of_synthetic",
    "texts_of",
]
