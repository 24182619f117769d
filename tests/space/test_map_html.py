import base64
import json
import re

import numpy as np
import pytest

import nearfield as nf
from nearfield.errors import InvalidInputError, StorageError
from nearfield.space.map_html import spread_colours


@pytest.fixture
def space():
    generator = np.random.default_rng(0)
    keys = [f"k{i}" for i in range(40)]
    vectors = np.vstack([generator.normal(size=(20, 6)) + 3, generator.normal(size=(20, 6)) - 3])
    return nf.Space(keys, vectors, counts=np.arange(40))


def page_data(path):
    html = path.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))
    for name, shape in (("places", (-1, 2)), ("values", (-1,))):
        data[name] = np.frombuffer(base64.b64decode(data[name]), "<u2").reshape(shape)
    return html, data


def test_points_keep_their_proportions_and_the_most_frequent_come_first(space, tmp_path):
    found = nf.project(space)
    found.export(tmp_path / "m.html", title="My <map>")
    html, data = page_data(tmp_path / "m.html")
    assert data["keys"] == [f"k{i}" for i in range(39, -1, -1)]
    places = data["places"][::-1] / 65535
    width, height = np.ptp(found.points, axis=0)
    np.testing.assert_allclose(
        np.ptp(places, axis=0), [1, height / width] if width > height else [width / height, 1], atol=1e-4
    )
    assert np.corrcoef(places[:, 0], found.points[:, 0])[0, 1] > 0.999
    assert np.corrcoef(places[:, 1], found.points[:, 1])[0, 1] < -0.999
    assert "My &lt;map&gt;" in html
    assert "of the 15 nearest neighbours are near here too" in html
    assert "Variance shown" in html


def test_clusters_colour_the_map_and_stand_at_their_middle(space, tmp_path):
    groups = nf.cluster(space, k=2)
    nf.project(space).export(tmp_path / "m.html", colours=groups)
    _, data = page_data(tmp_path / "m.html")
    assert [group["name"] for group in data["groups"]] == list(groups.names)
    assert data["values"][::-1].tolist() == groups.labels.tolist()
    for number, group in enumerate(data["groups"]):
        middle = np.median(data["places"][data["values"] == number], axis=0) / 65535
        np.testing.assert_allclose([group["x"], group["y"]], middle, atol=1e-4)


def test_names_and_numbers_colour_the_map(space, tmp_path):
    projection = nf.project(space)
    projection.export(tmp_path / "m.html", colours={"k0": "a", "k1": "b", "k2": "b", "other": "c"}, legend="kind")
    html, data = page_data(tmp_path / "m.html")
    assert [(group["name"], group["size"]) for group in data["groups"]] == [("b", 2), ("a", 1)]
    assert data["values"][::-1][:4].tolist() == [1, 0, 0, 65535]
    assert "<summary>kind</summary>" in html
    projection.export(tmp_path / "n.html", colours={"k0": 1.0, "k1": 3, "k2": np.float32(2)})
    _, data = page_data(tmp_path / "n.html")
    assert (data["kind"], data["low"], data["high"]) == ("numbers", 1, 3)
    assert data["values"][::-1][:4].tolist() == [0, 65534, 32767, 65535]
    projection.export(tmp_path / "o.html", colours={"k0": 5})
    assert page_data(tmp_path / "o.html")[1]["values"][-1] == 0


def test_truth_values_are_names_and_not_numbers(space, tmp_path):
    nf.project(space).export(tmp_path / "m.html", colours={"k0": True, "k1": False})
    assert {group["name"] for group in page_data(tmp_path / "m.html")[1]["groups"]} == {"True", "False"}


def test_beyond_two_hundred_groups_the_smallest_are_one(tmp_path):
    keys = [f"k{i}" for i in range(300)]
    space = nf.Space(keys, np.random.default_rng(0).normal(size=(300, 3)))
    colours = {key: f"g{min(i, 249)}" for i, key in enumerate(keys)}
    nf.project(space).export(tmp_path / "m.html", colours=colours)
    _, data = page_data(tmp_path / "m.html")
    assert len(data["groups"]) == 200
    assert (data["groups"][0]["name"], data["groups"][0]["size"]) == ("g249", 51)
    assert data["none"] == "no value, or one of 50 smaller groups"
    assert (data["values"] == 65535).sum() == 50


def test_what_cannot_colour_is_refused_and_leaves_no_page(space, tmp_path):
    projection = nf.project(space)
    with pytest.raises(InvalidInputError, match="none of the map's keys, such as 'k0'"):
        projection.export(tmp_path / "m.html", colours={"x": "a"})
    with pytest.raises(InvalidInputError, match="must be finite"):
        projection.export(tmp_path / "m.html", colours={"k0": float("inf"), "k1": 1.0})
    with pytest.raises(InvalidInputError, match="no number to colour by"):
        projection.export(tmp_path / "m.html", colours={"k0": float("nan")})
    with pytest.raises(InvalidInputError, match="clusters are of other keys"):
        projection.export(tmp_path / "m.html", colours=nf.cluster(space.first(30), k=2))
    assert not list(tmp_path.iterdir())
    with pytest.raises(StorageError):
        projection.export(tmp_path / "nowhere" / "m.html")


def test_groups_near_each_other_have_different_colours():
    generator = np.random.default_rng(0)
    centres = generator.uniform(size=(40, 2))
    colours = spread_colours(centres)
    assert sorted(colours[:8]) == list(range(8))
    away = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1)) + np.eye(40) * 9
    same = np.equal.outer(colours, colours)
    assert away[same].min() > 2 * away.min()
    assert spread_colours(np.empty((0, 2))) == []
