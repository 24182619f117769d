import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import silhouette_score

import nearfield as nf
from nearfield.errors import InvalidInputError, MissingExtraError, UnknownKeyError

LINKAGES = ("average", "complete", "ward")


@pytest.fixture
def toy():
    """Two kinds of animals and one of vehicles, in three directions."""
    vectors = [[1, 0, 0.1], [1, 0.1, 0], [0.8, 0, 0.6], [0.8, 0.1, 0.6], [0, 1, 0], [0.1, 1, 0.1]]
    return nf.Space(["cat", "dog", "eagle", "owl", "car", "bus"], vectors)


def random_space(count, dim=4, seed=0):
    generator = np.random.default_rng(seed)
    return nf.Space([f"key {number}" for number in range(count)], generator.normal(size=(count, dim)) + 0.5)


def ladder_of(count):
    """A tree where key 1 joins key 0, then 2 joins both, and so on."""
    return nf.Tree(
        space=nf.Space(map(str, range(count)), np.column_stack([np.ones(count), np.arange(count)])),
        linkage="average",
        metric="cosine",
        merges=np.array([[count + row - 1 if row else 0, row + 1] for row in range(count - 1)]),
        heights=np.arange(1.0, count),
        cophenetic_correlation=1.0,
    )


def test_a_tree_joins_what_is_alike_and_names_its_branches(toy):
    tree = nf.build_tree(toy)
    assert [set(pair) for pair in tree.merges.tolist()] == [{2, 3}, {4, 5}, {0, 1}, {6, 8}, {7, 9}]
    cats_and_dogs = 8
    assert tree.height(cats_and_dogs) == pytest.approx(toy.distance("cat", "dog"))
    assert tree.height(6) == pytest.approx(toy.distance("eagle", "owl"))
    between = np.mean([toy.distance(one, other) for one in ("cat", "dog") for other in ("eagle", "owl")])
    assert tree.height(9) == pytest.approx(between)
    assert (tree.height(0), tree.sizes[9], set(tree.keys(9))) == (0, 4, {"cat", "dog", "eagle", "owl"})
    assert tree.central(tree.root, count=2) == ["owl", "dog"]
    clusters = {frozenset(tree.keys(node)) for node in tree.cut().nodes.tolist()}
    assert clusters == {frozenset({"car", "bus"}), frozenset({"eagle", "owl"}), frozenset({"cat", "dog"})}
    assert repr(tree) == f"Tree(6 keys, average linkage, cophenetic {tree.cophenetic_correlation:.3f})"


@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_merges_heights_and_faithfulness_are_those_of_scipy(linkage, metric):
    space = random_space(60)
    tree = nf.build_tree(space, linkage=linkage, metric=metric)
    vectors = space.vectors.astype(np.float64)
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = pdist(vectors, "cosine" if metric == "cosine" and linkage != "ward" else "euclidean")
    expected = hierarchy.linkage(distances, linkage)
    np.testing.assert_allclose(tree.heights, expected[:, 2], rtol=1e-5)
    np.testing.assert_array_equal(tree.merges, expected[:, :2])
    assert tree.cophenetic_correlation == pytest.approx(hierarchy.cophenet(expected, distances)[0], abs=1e-6)
    assert tree.order.tolist() == hierarchy.leaves_list(expected).tolist()


def test_more_rows_than_are_computed_at_once_give_the_same_distances(monkeypatch):
    space = random_space(50)
    whole = nf.build_tree(space).heights
    monkeypatch.setattr("nearfield.space.hierarchy._BLOCK", 7)
    np.testing.assert_allclose(nf.build_tree(space).heights, whole)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.sampled_from(LINKAGES), st.integers(0, 999))
def test_a_cut_splits_all_keys_into_k_groups_that_nest(count, linkage, seed):
    tree = nf.build_tree(random_space(count, seed=seed), linkage=linkage)
    assert sorted(tree.order) == list(range(count))
    assert (np.diff(tree.heights) >= -1e-12).all()
    finer = tree.cut(count)
    for k in range(count, 0, -1):
        cut = tree.cut(k)
        assert len(cut) == k == len(set(cut.labels.tolist()))
        assert all(set(cut.labels[tree.rows(node)]) == {place} for place, node in enumerate(cut.nodes))
        coarse = {(fine, rough) for fine, rough in zip(finer.labels, cut.labels, strict=True)}
        assert len(coarse) == len(finer)
        finer = cut


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_the_silhouette_of_a_cut_is_that_of_scikit_learn(metric):
    space = random_space(40)
    tree = nf.build_tree(space, metric=metric)
    vectors = space.unit_vectors if metric == "cosine" else space.vectors
    for k in (2, 5, 20, 39):
        cut = tree.cut(k)
        assert cut.silhouette == pytest.approx(silhouette_score(vectors, cut.labels, metric="sqeuclidean"), abs=1e-5)
    assert np.isnan(tree.cut(1).silhouette)
    assert np.isnan(tree.cut(40).silhouette)


@pytest.mark.parametrize("groups", [2, 3, 7])
def test_the_best_cut_finds_planted_groups(groups):
    generator = np.random.default_rng(groups)
    centres = np.eye(10)[:groups]
    vectors = np.repeat(centres, 12, axis=0) + generator.normal(0, 0.1, (12 * groups, 10))
    tree = nf.build_tree(nf.Space(map(str, range(12 * groups)), vectors))
    labels = tree.cut().labels.reshape(groups, 12)
    assert len(tree.cut()) == groups == len(set(labels[:, 0].tolist()))
    assert (labels == labels[:, :1]).all()


def test_the_best_cut_passes_over_a_lone_outlier():
    generator = np.random.default_rng(0)
    crowd = np.repeat(np.eye(4)[:3], 8, axis=0) * 0.4 + 1 + generator.normal(0, 0.15, (24, 4))
    tree = nf.build_tree(nf.Space(map(str, range(25)), [*crowd, [-1, -1, -1, -1]]))
    assert tree.cut(2).silhouette > tree.cut().silhouette
    assert tree.sizes[tree.cut().nodes].max() <= 18


def test_a_tree_is_cut_at_a_height(toy):
    tree = nf.build_tree(toy)
    assert len(tree.cut(height=0)) == 6
    assert len(tree.cut(height=float(tree.heights[2]))) == 3
    assert (len(tree.cut(height=9)), tree.cut(height=9).height) == (1, 9)
    best = tree.cut(3)
    assert tree.heights[2] < best.height < tree.heights[3]
    np.testing.assert_array_equal(tree.cut(height=best.height).labels, best.labels)


def test_two_keys_and_equal_vectors_make_a_tree():
    assert len(nf.build_tree(nf.Space(["a", "b"], [[1, 0], [0, 1]])).cut()) == 1
    same = nf.build_tree(nf.Space(["a", "b", "c"], [[1, 2]] * 3))
    assert same.heights.tolist() == [0, 0]
    assert same.cophenetic_correlation == 0
    assert "3 keys" in str(same)
    assert "svg" in same.to_html()


def test_the_optimal_order_brings_neighbours_together():
    space = random_space(30)
    plain, turned = (nf.build_tree(space, optimal_order=optimal) for optimal in (False, True))
    distances = squareform(pdist(space.vectors, "cosine"))
    length = [sum(distances[a, b] for a, b in zip(t.order, t.order[1:], strict=False)) for t in (plain, turned)]
    assert length[1] < length[0]
    np.testing.assert_array_equal(np.sort(plain.merges), np.sort(turned.merges))


def test_what_makes_no_tree_is_refused(toy, monkeypatch):
    with pytest.raises(InvalidInputError, match="linkage must be one of average, complete, ward, got 'single'"):
        nf.build_tree(toy, linkage="single")
    with pytest.raises(InvalidInputError, match="metric must be one of cosine, l2, got 'dot'"):
        nf.build_tree(toy, metric="dot")
    with pytest.raises(InvalidInputError, match="at least 2 keys, got 1"):
        nf.build_tree(toy, keys=["cat"])
    with pytest.raises(UnknownKeyError, match="'cta' is not among"):
        nf.build_tree(toy, keys=["cta", "dog"])
    with pytest.raises(InvalidInputError, match=r"at most 20,000 keys, got 20,001: choose some by keys"):
        nf.build_tree(random_space(20_001, dim=1))
    monkeypatch.setitem(sys.modules, "scipy.cluster.hierarchy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nearfield\[space\]'"):
        nf.build_tree(toy)


def test_a_cut_out_of_range_is_refused(toy):
    tree = nf.build_tree(toy)
    for k in (0, 7):
        with pytest.raises(InvalidInputError, match=f"k must be from 1 to 6, the number of keys, got {k}"):
            tree.cut(k)
    with pytest.raises(InvalidInputError, match="height must be at least 0, got nan"):
        tree.cut(height=float("nan"))
    with pytest.raises(InvalidInputError, match="k or height, got both"):
        tree.cut(2, height=0.5)


def test_the_text_lists_small_branches_and_draws_large_ones(toy):
    drawn = nf.build_tree(toy).to_text(k=2, depth=1)
    assert "6 keys, average linkage of cosine distances" in drawn
    assert drawn.splitlines()[-2:] in (
        ["├─ car, bus", "└─ eagle, owl, cat, dog"],
        ["├─ eagle, owl, cat, dog", "└─ car, bus"],
    )
    whole = nf.build_tree(toy).to_text(k=1, depth=3).splitlines()[-3:]
    assert whole[0].startswith("└─ ")
    assert "(6 keys, " in whole[0]
    assert whole[1:] == ["   ├─ car, bus", "   └─ eagle, owl, cat, dog"]


def test_the_text_goes_as_deep_as_it_is_told():
    tree = nf.build_tree(random_space(60))
    for depth in range(4):
        drawn = tree.to_text(k=1, depth=depth).partition("\n\n")[2].splitlines()
        assert max(max(line.find("├─"), line.find("└─")) for line in drawn) == 3 * depth


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 60), st.integers(0, 4), st.integers(40, 100), st.integers(0, 99))
def test_the_text_fits_its_width_and_whole_trees_show_every_key_once(count, depth, width, seed):
    tree = nf.build_tree(random_space(count, seed=seed))
    for line in tree.to_text(depth=depth, width=width).splitlines():
        assert len(line) <= width or "·" in line
    listed = re.findall(r"key \d+", re.sub(r"─ key \d+ · .*", "", tree.to_text(depth=60, width=10_000)))
    assert sorted(listed) == sorted(tree.space.keys)


def test_keys_that_join_one_at_a_time_stand_on_one_line():
    ladder = ladder_of(9)
    assert ladder.to_text(k=1, depth=1).splitlines()[-2:] == ["   ├─ 0, 1, 2, 3", "   └─ 8, 7, 6, 5, 4"]


def test_long_and_strange_keys_are_shown_safely():
    keys = ["", "a\nb", "<script>alert(1)</script>", "x" * 300, "\x1b[31m", "日本語"]
    tree = nf.build_tree(nf.Space(keys, np.random.default_rng(0).normal(size=(6, 3))))
    text, page = tree.to_text(k=1, depth=9), tree.to_html()
    assert "\x1b" not in text + page
    assert "''" in text
    assert "a b" in text
    assert "<script" not in page
    assert "x" * 41 not in text


def test_newick_paths_are_as_long_as_the_heights_that_join(toy):
    keys = ["it's", *list(toy.keys)[1:]]
    tree = nf.build_tree(nf.Space(keys, toy.vectors))
    written = tree.to_newick()
    assert written.endswith(";\n")
    assert "'it''s':" in written
    assert written.count("(") == written.count(")") == 5
    lengths = dict(re.findall(r"'(car|bus)':([\d.e-]+)", written))
    assert sum(map(float, lengths.values())) == pytest.approx(toy.distance("car", "bus"), rel=1e-4)


def test_a_ladder_of_thousands_is_no_problem_for_any_form():
    count = 3000
    ladder = ladder_of(count)
    assert ladder.to_newick().count(",") == count - 1
    assert "3,000 keys" in ladder.to_text(k=1, depth=50)
    assert ladder.to_html(k=1).count("<summary>") == 1


def test_the_page_needs_nothing_else_and_draws_small_trees_only(toy, tmp_path):
    tree = nf.build_tree(toy)
    tree.export(tmp_path / "tree.html", k=2)
    page = (tmp_path / "tree.html").read_text()
    assert "6 keys in 2 clusters" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count('class="branch even"') + page.count('class="branch odd"') == 4
    drawing = ET.fromstring(re.search(r"<svg.*?</svg>", page, re.S)[0])
    shown = [
        element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text") if element.get("class") == "name"
    ]
    assert shown == tree.keys(tree.root)
    assert "<svg" not in nf.build_tree(random_space(151)).to_html()


def test_json_holds_the_tree_and_its_cut(toy):
    values = nf.build_tree(toy).to_json(k=3)
    assert values["keys"] == list(toy.keys)
    assert len(values["merges"]) == len(values["heights"]) == 5
    assert sorted(len(cluster["keys"]) for cluster in values["cut"]["clusters"]) == [2, 2, 2]
    assert nf.build_tree(toy).to_json(k=1)["cut"]["silhouette"] is None


@pytest.mark.parametrize("scale", [1e-30, 1e30, 3e37])
def test_the_best_cut_does_not_depend_on_the_unit(scale):
    vectors = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    keys = [f"k{number}" for number in range(12)]
    expected = nf.build_tree(nf.Space(keys, vectors), metric="l2").cut()
    cut = nf.build_tree(nf.Space(keys, vectors * np.float32(scale)), metric="l2").cut()
    np.testing.assert_array_equal(cut.labels, expected.labels)
    assert cut.silhouette == pytest.approx(expected.silhouette, abs=1e-5)
