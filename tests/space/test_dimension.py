import itertools
import json
import re
import time

import numpy as np
import pytest
import scipy.spatial
import scipy.stats

import nearfield as nf
from nearfield.errors import InvalidInputError
from nearfield.space.dimension_words import choice, verdicts
from nearfield.space.knn import nearest_rows, shared_share


def words(report):
    """What a report says, without its line breaks."""
    return " ".join(str(report).split())


def space_of(vectors):
    return nf.Space((f"key {number}" for number in range(len(vectors))), vectors)


@pytest.fixture(scope="module")
def hidden():
    """Four directions that vary, turned within twelve dimensions, and a little noise in all of them."""
    generator = np.random.default_rng(0)
    turn = np.linalg.qr(generator.normal(size=(12, 4)))[0]
    vectors = generator.normal(size=(400, 4)) @ turn.T + generator.normal(0, 0.01, (400, 12))
    return space_of(vectors)


@pytest.fixture(scope="module")
def report(hidden):
    return nf.measure_dimension(hidden, dims=[2, 4, 6, 8, 10], k=5)


def test_pca_keeps_the_neighbours_in_the_dimensions_that_vary_and_truncation_does_not(report):
    rows = {row.dim: row for row in report.rows}
    assert [*rows] == [2, 4, 6, 8, 10, 12]
    assert rows[4].pca.overlap.mean > 0.9
    assert rows[4].pca.variance > 0.99
    assert rows[4].truncation.overlap.mean < 0.7
    assert rows[4].truncation.variance < 0.7
    assert report.smallest("pca").dim == report.knee("pca").dim == 4
    assert choice(report) == "pca"


def test_all_dimensions_keep_everything(report):
    for kept in (report.full.truncation, report.full.pca):
        assert (kept.overlap.mean, kept.overlap.low, kept.overlap.high) == (1, 1, 1)
        assert kept.variance == pytest.approx(1)
    assert report.full.dim == 12


def test_the_overlap_is_that_of_the_shrunk_space_itself(hidden, report):
    everyone = np.arange(400)
    full = nearest_rows(hidden.unit_vectors, everyone, 5)
    for shrunk, way in ((nf.truncate(hidden, 6), "truncation"), (nf.reduce(hidden, 6), "pca")):
        kept = shared_share(full, nearest_rows(shrunk.unit_vectors, everyone, 5)).mean()
        assert report.rows[2].kept(way).overlap.mean == pytest.approx(kept, abs=2e-3)


def test_the_geometry_shows_the_directions_in_use(report):
    geometry = report.geometry
    assert geometry.two_nn == pytest.approx(3, abs=0.5)  # a sphere in four dimensions has three
    assert geometry.mle == pytest.approx(3, abs=0.5)
    assert geometry.participation_ratio == pytest.approx(4, abs=0.2)
    assert sum(geometry.spectrum) == pytest.approx(1)
    assert abs(geometry.mean_cosine) < 0.05
    assert geometry.relative_contrast > 1
    assert geometry.distance_variation > 0.1
    assert len(geometry.hubs) == 3
    assert geometry.points == 400


def test_distances_and_hubs_are_those_that_comparing_all_with_all_would_give(hidden, report):
    apart = scipy.spatial.distance.pdist(hidden.unit_vectors)
    assert report.geometry.distance_variation == pytest.approx(apart.std() / apart.mean(), rel=1e-4)
    near = nearest_rows(hidden.unit_vectors, np.arange(400), 5)
    counts = np.bincount(near.ravel(), minlength=400)
    assert report.geometry.hubness == pytest.approx(scipy.stats.skew(counts))
    assert report.geometry.antihubs == (counts == 0).mean()
    assert report.geometry.hubs[0] == f"key {counts.argmax()}"


def test_costs_are_those_of_float32(report):
    half = report.rows[2]
    assert (half.vector_bytes, half.space_bytes) == (24, 9600)
    assert half.query_seconds > 0


def test_costs_are_those_of_all_vectors_where_some_were_tried(hidden, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))
    found = nf.measure_dimension(hidden, dims=[4], points=100)
    assert (found.rows[0].space_bytes, found.rows[0].query_seconds) == (6400, 4.0)


def test_a_sample_is_drawn_from_the_whole_space():
    vectors = np.random.default_rng(0).normal(size=(300, 4))
    vectors[:150, 0] += 50  # all the first half points one way
    found = nf.measure_dimension(space_of(vectors), dims=[2], points=100, sample=100)
    assert 0.1 < found.geometry.mean_cosine < 0.5


def test_copies_with_the_noise_of_another_batch_do_not_change_the_intrinsic_dimension(hidden, report):
    noisy = hidden.vectors[:40] * (1 + np.random.default_rng(0).normal(0, 1e-7, (40, 12)))
    found = nf.measure_dimension(space_of(np.vstack([hidden.vectors, noisy])), dims=[4], k=5)
    assert found.geometry == report.geometry


def test_copies_are_left_in_where_hardly_anything_else_is():
    vectors = np.ones((4, 3)) + np.random.default_rng(0).normal(0, 1e-6, (4, 3))
    assert nf.measure_dimension(space_of(vectors), k=1).geometry.points == 4


def test_the_same_seed_measures_the_same(hidden):
    def measured():
        found = nf.measure_dimension(hidden, dims=[4], queries=50, points=300, sample=100, seed=3)
        return found.geometry, [(row.truncation, row.pca) for row in found.rows]

    assert measured() == measured()


def test_no_more_is_looked_at_than_was_asked_for(hidden):
    found = nf.measure_dimension(hidden, dims=[4], queries=50, points=300, sample=100)
    assert (found.vectors, found.searched, found.queries, found.geometry.points) == (400, 300, 50, 100)
    assert "among 300 of 400 vectors" in words(found)


def test_equal_directions_count_once():
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    doubled = nf.measure_dimension(space_of(np.vstack([vectors, 2 * vectors])), dims=[2], k=3)
    single = nf.measure_dimension(space_of(vectors), dims=[2], k=3)
    assert (doubled.duplicates, doubled.searched) == (30, 30)
    assert "30 left out" in words(doubled)
    assert doubled.geometry == single.geometry
    assert doubled.rows[0].pca == single.rows[0].pca


def test_a_constant_dimension_and_one_of_zeros_do_no_harm():
    vectors = np.random.default_rng(0).normal(size=(40, 4))
    vectors[:, 0], vectors[:, 1] = 0, 1
    found = nf.measure_dimension(space_of(vectors), dims=[1, 2, 3], k=3)
    assert found.rows[0].truncation.variance == 0
    assert found.rows[2].pca.overlap.mean == 1
    assert found.smallest("pca").dim == 3


def test_equally_far_points_have_no_intrinsic_dimension_and_still_a_report():
    found = nf.measure_dimension(space_of(np.eye(6)), dims=[3], k=2, quality=len)
    assert np.isnan(found.geometry.two_nn)
    assert [row.truncation.quality for row in found.rows] == [3, 6]  # three of them lose their direction
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["geometry"]["mle"] is None
    assert "–" in words(found)


def test_three_points_are_enough():
    found = nf.measure_dimension(space_of([[1, 0], [1, 1], [0, 3]]), k=1)
    assert [row.dim for row in found.rows] == [2]
    assert "no smaller dimension was tried" in words(found)
    assert found.knee("pca") is None
    assert "<svg" in found.to_html()


def test_one_query_gives_no_interval_and_so_no_smaller_choice(hidden):
    found = nf.measure_dimension(hidden, dims=[4], queries=1)
    assert found.smallest("pca").dim == 12
    assert "[" not in words(found).partition("dimensions ")[2].partition("Keep")[0]


def test_quality_is_asked_of_each_shrunk_space(hidden):
    asked = []

    def quality(space):
        asked.append((len(space), space.dim))
        return space.dim / 12

    found = nf.measure_dimension(hidden, dims=[4], keep=0.8, quality=quality)
    assert asked == [(400, 4), (400, 4), (400, 12), (400, 12)]
    assert found.rows[0].pca.quality == pytest.approx(1 / 3)
    assert "quality of 0.333 where all dimensions have 1.000" in words(found)
    assert "Quality" in found.to_html()


def test_the_verdict_says_in_words_what_to_do(report):
    text = words(report)
    assert "Keep 4 of 12 dimensions, by PCA." in text
    assert re.search(r"By PCA, 4 dimensions keep 9\d\.\d % of the 5 nearest neighbours \[", text)
    assert "33 % of the" in text
    assert "do it: nearfield space transform SPACE -o SMALLER.space --pca 4" in text
    assert "only all 12 dimensions surely keep 90 %" in text


def test_truncation_is_chosen_where_it_keeps_as_much():
    vectors = np.zeros((50, 6))
    vectors[:, :2] = np.random.default_rng(0).normal(size=(50, 2))
    vectors[:, 2:] = np.random.default_rng(1).normal(0, 1e-5, size=(50, 4))
    found = nf.measure_dimension(space_of(vectors), dims=[1, 2, 4], k=3, keep=0.8)
    assert choice(found) == "truncation"
    assert "--truncate 2" in words(found)


def test_where_nothing_smaller_keeps_enough_all_is_kept():
    vectors = np.random.default_rng(0).normal(size=(100, 8))
    found = nf.measure_dimension(space_of(vectors), dims=[2], keep=1)
    assert choice(found) is None
    assert "Keep all 8 dimensions" in words(found)
    assert "Keep all 8 dimensions" in found.to_html()
    assert "do it" not in words(found)


def test_a_few_vectors_are_warned_about():
    vectors = np.random.default_rng(0).normal(size=(30, 8))
    assert "80 would be enough" in words(nf.measure_dimension(space_of(vectors), dims=[4]))


def test_the_json_holds_the_choice_and_the_page_needs_nothing_else(report, tmp_path):
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert values["chosen"] == {
        "truncation": {"smallest": 12, "knee": report.knee("truncation").dim if report.knee("truncation") else None},
        "pca": {"smallest": 4, "knee": 4},
    }
    assert values["verdict"] == verdicts(report)
    assert values["verdict"][0].startswith("By PCA, 4 dimensions keep")
    report.export(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert html.count("<svg") == 3
    assert not re.search(r"<script|<link|<img|url\(|@import|\sstyle=", html)
    assert report._repr_html_().startswith("<iframe srcdoc=")
    with pytest.raises(InvalidInputError, match=r"must end in \.html"):
        report.export(tmp_path / "page.pdf")


def test_a_hostile_key_stays_text(hidden):
    keys = [f"<script>alert({number})</script>\x1b[31m" for number in range(400)]
    found = nf.measure_dimension(nf.Space(keys, hidden.vectors), dims=[4])
    assert "<script>" not in found.to_html()
    assert "\x1b" not in words(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dims": [13]}, "dims must be from 1 to the space's 12, got 13"),
        ({"dims": [0]}, "dims must be from 1"),
        ({"k": 0}, "k must be from 1 to 399"),
        ({"k": 400, "points": 900, "sample": 900}, "k must be from 1 to 399, below the 400 different vectors, got 400"),
        ({"keep": 0}, "keep must be above 0"),
        ({"keep": 1.1}, "keep must be above 0 and at most 1"),
        ({"queries": 0}, "queries must be at least 1"),
        ({"points": 11}, "points must be at least 12 for k=10, got 11"),
        ({"sample": 11}, "sample must be at least 12 for k=10, got 11"),
    ],
)
def test_options_out_of_range_are_refused(hidden, options, said):
    with pytest.raises(InvalidInputError, match=said):
        nf.measure_dimension(hidden, **options)


@pytest.mark.parametrize("vectors", [[[1, 0]], [[1, 0], [0, 1], [0, 2]]])
def test_fewer_than_three_directions_are_refused(vectors):
    with pytest.raises(InvalidInputError, match="dimension needs at least 3 different vectors"):
        nf.measure_dimension(space_of(vectors), k=1)
