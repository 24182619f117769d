"""The statistics of means over queries, under the name by which evaluation knows them; see `nearfield.statistics`."""

from nearfield.statistics import BLOCK_DRAWS as BLOCK_DRAWS
from nearfield.statistics import Bootstrap as Bootstrap
from nearfield.statistics import Interval as Interval
from nearfield.statistics import as_scores as as_scores
from nearfield.statistics import bootstrap as bootstrap
from nearfield.statistics import bootstrap_interval as bootstrap_interval
from nearfield.statistics import check_level as check_level
from nearfield.statistics import check_resamples as check_resamples
