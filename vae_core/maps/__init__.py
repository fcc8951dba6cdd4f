"""What a map shows: which points, in which colours, what lies under them, and what is found there.

`MapSpec` says it in words; `open_map` has it from the store, for pages and routes alike.
"""

from vae_core.maps.colours import CLASS, Colour, is_likelihood, log_prior
from vae_core.maps.drawing import figure
from vae_core.maps.exporting import csv_bytes, parquet_bytes
from vae_core.maps.finding import Ranking, by_label, rank
from vae_core.maps.opened import Nearest, NotReady, OpenMap, open_map
from vae_core.maps.sampling import MOST_POINTS, Sample
from vae_core.maps.selecting import Polygon, box
from vae_core.maps.spec import MapSpec, Rect, parse_only, written_only
from vae_core.maps.terrain import Kind, centres

__all__ = [
    "CLASS",
    "MOST_POINTS",
    "Colour",
    "Kind",
    "MapSpec",
    "Nearest",
    "NotReady",
    "OpenMap",
    "Polygon",
    "Ranking",
    "Rect",
    "Sample",
    "box",
    "by_label",
    "centres",
    "csv_bytes",
    "figure",
    "is_likelihood",
    "log_prior",
    "open_map",
    "parquet_bytes",
    "parse_only",
    "rank",
    "written_only",
]
