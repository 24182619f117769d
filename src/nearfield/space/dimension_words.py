"""A dimension report in plain words: what to choose, what that costs, what the geometry means."""

from collections.abc import Iterator

from nearfield.report.characters import elided, one_line
from nearfield.report.numbers import decimal, interval, size
from nearfield.space.dimension_report import WAYS, AtDimension, DimensionReport, Shrinking

NAMES: dict[Shrinking, str] = {"truncation": "truncation", "pca": "PCA"}
_FEW = 10  # vectors a dimension below which PCA is fitted closer to them than to others like them


def percent(share: float, *, places: int = 1) -> str:
    """Write a share."""
    return f"{decimal(100 * share, places=places)} %"


def choice(report: DimensionReport) -> Shrinking | None:
    """Say by which way fewer dimensions keep enough: truncation, if it keeps as much as PCA; None if neither does."""
    dims = {way: report.smallest(way).dim for way in WAYS}
    best = min(WAYS, key=lambda way: dims[way])
    return best if dims[best] < report.full.dim else None


def headline(report: DimensionReport) -> str:
    """Say in a line what to do."""
    way = choice(report)
    if way is None:
        return f"Keep all {report.full.dim} dimensions"
    return f"Keep {report.smallest(way).dim} of {report.full.dim} dimensions, by {NAMES[way]}"


def command(report: DimensionReport) -> str | None:
    """Give the command that shrinks the space as chosen; None if it is to be kept as it is."""
    way = choice(report)
    if way is None:
        return None
    option = "--pca" if way == "pca" else "--truncate"
    return f"nearfield space transform SPACE -o SMALLER.space {option} {report.smallest(way).dim}"


def verdicts(report: DimensionReport) -> list[str]:
    """Say for both ways what they would keep, and where the curve bends; the way to choose first."""
    ways = sorted(WAYS, key=lambda way: way != choice(report))
    return [sentence for way in ways for sentence in _verdict(report, way)]


def _verdict(report: DimensionReport, way: Shrinking) -> Iterator[str]:
    chosen, name = report.smallest(way), NAMES[way]
    if chosen is report.full:
        tried = (
            "no smaller dimension was tried" if len(report.rows) == 1 else "none of the smaller dimensions tried does"
        )
        yield (
            f"By {name}, only all {report.full.dim} dimensions surely keep {percent(report.keep, places=0)} of the "
            f"{report.k} nearest neighbours; {tried}."
        )
    else:
        yield f"By {name}, {_gain(report, chosen, way)}."
    bend = report.knee(way)
    if bend is not None and bend.dim != chosen.dim:
        yield (
            f"The knee by {name} is at {bend.dim} dimensions, with {percent(bend.kept(way).overlap.mean)} of the "
            "neighbours; each one more adds less from there."
        )


def _gain(report: DimensionReport, row: AtDimension, way: Shrinking) -> str:
    kept, full = row.kept(way), report.full
    overlap = kept.overlap
    judged = ""
    if kept.quality is not None:
        judged = (
            f", with a quality of {decimal(kept.quality)} where all dimensions have {decimal(full.kept(way).quality)}"
        )
    return (
        f"{row.dim} dimensions keep {percent(overlap.mean)} of the {report.k} nearest neighbours "
        f"{interval(100 * overlap.low, 100 * overlap.high, places=1)} at {percent(row.dim / full.dim, places=0)} of "
        f"the memory ({size(row.space_bytes)} instead of {size(full.space_bytes)}) and "
        f"{percent(row.query_seconds / full.query_seconds, places=0)} of the search time{judged}"
    )


def warnings(report: DimensionReport) -> list[str]:
    """Say what was not measured as the user may think it was."""
    said = []
    if report.searched + report.duplicates < report.vectors:
        said.append(
            f"Neighbours were looked for among {report.searched:,} of {report.vectors:,} vectors; among all, which lie "
            "closer together, fewer are kept."
        )
    if report.searched < _FEW * report.full.dim:
        said.append(
            f"PCA was fitted on {report.searched:,} vectors of {report.full.dim} dimensions, and measured on the same; "
            f"of new vectors it keeps less. {_FEW * report.full.dim:,} would be enough."
        )
    return said


def geometry_rows(report: DimensionReport) -> list[tuple[str, str, str]]:
    """Name each measure of the geometry, its value and what it says."""
    geometry, full = report.geometry, report.full.dim
    hubs = ", ".join(elided(one_line(key), 24) for key in geometry.hubs)
    return [
        (
            "intrinsic dimension",
            f"{decimal(geometry.two_nn, places=1)} · {decimal(geometry.mle, places=1)}",
            f"how many of the {full} dimensions the vectors fill locally, by TwoNN and by maximum likelihood",
        ),
        (
            "effective rank",
            decimal(geometry.effective_rank, places=1),
            f"directions in use, of {full}, by entropy of singular values",
        ),
        (
            "participation ratio",
            decimal(geometry.participation_ratio, places=1),
            "directions that carry most of the variance",
        ),
        (
            "relative contrast",
            decimal(geometry.relative_contrast, places=2),
            "how much farther the farthest vector is than the nearest; near 0, nearest means little",
        ),
        (
            "variation of distances",
            decimal(geometry.distance_variation),
            "standard deviation over mean; near 0, all distances are alike",
        ),
        (
            "mean cosine",
            decimal(geometry.mean_cosine, signed=True),
            "0: directions of all kinds; 1: one direction only",
        ),
        (
            "hubness",
            decimal(geometry.hubness, places=2),
            f"skewness of how often one is a neighbour; above 1, a few are of very many: {hubs}",
        ),
        ("anti-hubs", percent(geometry.antihubs), f"of the vectors are among nobody's {report.k} nearest"),
    ]


def overlap_cell(row: AtDimension, way: Shrinking) -> tuple[str, str]:
    """Write what is kept, and its interval."""
    overlap = row.kept(way).overlap
    is_sure = overlap.low == overlap.high
    return percent(overlap.mean), "" if is_sure else interval(100 * overlap.low, 100 * overlap.high, places=1)
