import gzip
import tarfile

import pytest
from wordnet_extract import write_wordnet

import nearfield as nf
from nearfield.errors import DataError, InvalidInputError


@pytest.fixture
def folder(tmp_path):
    return write_wordnet(tmp_path / "dict")


def names(wordnet, synsets):
    return [wordnet.name(synset) for synset in synsets]


def test_concepts_words_and_senses_are_read(folder):
    wordnet = nf.read_wordnet(folder)
    dog = wordnet.synset("dog.n.01")
    assert (len(wordnet), wordnet.words[dog]) == (15, ("dog", "domestic_dog"))
    assert names(wordnet, wordnet.hypernyms[dog]) == ["canine.n.01", "pet.n.01"]
    assert names(wordnet, wordnet.senses_of("Crane")) == ["crane.n.01", "hoist.n.01"]
    assert wordnet.senses_of("domestic dog") == (dog,) == wordnet.senses_of("Domestic_Dog")
    assert wordnet.senses_of("unicorn") == ()
    assert names(wordnet, wordnet.below(wordnet.synset("canine"))) == ["canine.n.01", "dog.n.01", "wolf.n.01"]
    assert repr(wordnet) == f"WordNet(15 noun synsets, 17 words, from {folder})"


def test_an_instance_is_no_kind(folder):
    wordnet = nf.read_wordnet(folder)
    lassie, dog = wordnet.synset("lassie"), wordnet.synset("dog")
    assert (wordnet.hypernyms[lassie], wordnet.classes[lassie]) == ((), (dog,))
    assert wordnet.hyponyms[dog] == []


def test_compressed_files_and_archives_are_read_as_they_are(folder, tmp_path):
    with tarfile.open(tmp_path / "wordnet.tar.xz", "w:xz") as archive:
        archive.add(folder, "wordnet-3.0/dict")
    for name in ("data.noun", "index.noun"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    assert nf.read_wordnet(folder).words == nf.read_wordnet(tmp_path / "wordnet.tar.xz").words


def test_an_unknown_synset_names_the_senses_there_are(folder):
    wordnet = nf.read_wordnet(folder)
    with pytest.raises(InvalidInputError, match=r"no synset 'crane.n.03' .*'crane' has crane.n.01, hoist.n.01"):
        wordnet.synset("crane.n.03")
    with pytest.raises(InvalidInputError, match="'unicorn' is no noun in it"):
        wordnet.synset("unicorn")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("data.noun", "00000400 03 n 01", "00000400 03 n 02", r"data.noun:5: is no line of a synset: '00000400"),
        (
            "data.noun",
            "@ 00000100 n",
            "@ 00009999 n",
            r"data.noun:3: points to synset '00009999', which data.noun lacks",
        ),
        ("data.noun", "artifact", "arti\xff", r"data.noun:4: is not valid UTF-8"),
        ("index.noun", "bird n 1", "bird n one", r"index.noun:5: is no line of a word's senses: 'bird n one"),
        ("index.noun", "bird n 1 1 @ 1 0 00000500", "bird n 1 1 @ 1 0 00000501", r"index.noun:5: points to synset"),
        ("index.noun", "wolf n", "wulf n", r"index.noun: lacks 'wolf', which stands in .*data.noun"),
    ],
)
def test_what_is_damaged_is_named_by_file_and_line(folder, file, old, new, message):
    content = (folder / file).read_text()
    assert old in content
    (folder / file).write_text(content.replace(old, new), encoding="latin-1")
    with pytest.raises(DataError, match=message):
        nf.read_wordnet(folder)


def test_what_is_missing_is_named(folder, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        nf.read_wordnet(tmp_path / "nowhere")
    (tmp_path / "no.tar").write_text("not an archive")
    with pytest.raises(DataError, match="is no archive that can be read"):
        nf.read_wordnet(tmp_path / "no.tar")
    (folder / "index.noun").unlink()
    with pytest.raises(DataError, match=r"has no index.noun .*found: data.noun"):
        nf.read_wordnet(folder)
    with tarfile.open(tmp_path / "half.tar", "w") as archive:
        archive.add(folder, "dict")
    with pytest.raises(DataError, match=r"holds no index\.noun"):
        nf.read_wordnet(tmp_path / "half.tar")


def test_the_bundled_extract_is_whole_below_its_roots_and_says_where_it_is_not():
    wordnet = nf.read_wordnet()
    assert (len(wordnet), len(wordnet.below(wordnet.synset("animal")))) == (31_138, 3999)
    dog = wordnet.synset("dog.n.01")
    assert names(wordnet, wordnet.hypernyms[dog]) == ["canine.n.02", "domestic_animal.n.01"]
    assert dog in wordnet.below(wordnet.synset("mammal"))
    with pytest.raises(InvalidInputError, match=r"an extract, whole only below animal\.n\.01"):
        wordnet.below(wordnet.synset("person"))


def test_the_whole_of_wordnet_is_read(shared_data):
    wordnet = nf.read_wordnet(shared_data / "wordnet-3.0/wordnet-dict.tar.xz")
    assert (len(wordnet), len(wordnet.senses)) == (82_115, 117_798)
    assert len(wordnet.below(wordnet.synset("person"))) == 6979
    assert wordnet.classes[wordnet.synset("Einstein.n.01")]
    extract = nf.read_wordnet()
    for name in extract.roots:
        here, there = (found.below(found.synset(name)) for found in (extract, wordnet))
        assert names(extract, here) == names(wordnet, there)
