import lzma

import pytest

from nearfield.data.word_set_files import read_word_set
from nearfield.data.word_sets import AnalogySet, CategorySet, PairSet, load_word_set, load_word_sets, word_sets
from nearfield.errors import DataError, InvalidInputError


@pytest.fixture
def write(tmp_path):
    def write(content, name="set.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_every_bundled_set_is_whole_and_says_its_licence():
    entries = {entry.name: entry for entry in word_sets()}
    bundled = {name: entry for name, entry in entries.items() if entry.bundled}
    assert {"wordsim-353", "wordsim-353-similarity", "wordsim-353-relatedness", "men", "google-analogies"} < set(
        bundled
    )
    for name, entry in bundled.items():
        word_set = load_word_set(name)
        assert (word_set.name, word_set.kind, len(word_set)) == (name, entry.kind, entry.size)
        assert entry.licence not in ("", "none stated")
    assert len(entries) == len(word_sets())


def test_googles_analogies_have_five_semantic_and_nine_syntactic_sections():
    word_set = load_word_set("google-analogies")
    sections = set(word_set.sections)
    assert (len(sections), sum(name.startswith("gram") for name in sections)) == (14, 9)
    assert sum(not name.startswith("gram") for name in word_set.sections) == 8869
    assert word_set.questions[0] == ("Athens", "Greece", "Baghdad", "Iraq")


def test_the_wordnet_pairs_come_in_fours():
    word_set = load_word_set("wordnet-entailment")
    assert word_set.binary
    for i in range(0, len(word_set), 4):
        assert word_set.groups[i : i + 4] == ("hyper", "hypo", "coord", "random")
        assert word_set.scores[i : i + 4] == (1, 0, 0, 0)
        assert word_set.pairs[i + 1] == word_set.pairs[i][::-1]


PAIRS = (("old", "new"), ("smart", "clever"))


@pytest.mark.parametrize(
    ("content", "groups"),
    [
        ("old\tnew\t1.5\nsmart\tclever\t9\n", ()),
        ("# a comment\nold new 1.5\n\nsmart clever 9\n", ()),
        ("old,new,1.5\nsmart,clever,9\n", ()),
        ("\ufeffold\tnew\t1.5\r\nsmart\tclever\t9\r\n", ()),
        ("old\tnew\t1.5\t1\t2\nsmart\tclever\t9\t9\t9\n", ()),  # Rare Words: each rater's judgement
        ("old\tnew\tA\t1.5\tANTONYMS\nsmart\tclever\tV\t9\tSYNONYMS\n", ("A", "V")),  # SimVerb-3500
        ("word1\tword2\tPOS\tSimLex999\tconc(w1)\nold\tnew\tA\t1.5\t2\nsmart\tclever\tA\t9\t1\n", ("A", "A")),
        (",word1,word2,similarity\n0,old,new,1.5\n1,smart,clever,9\n", ()),
        (",similarity,word1,word2,relation\n0,1.5,old,new,x\n1,9,smart,clever,y\n", ()),
        ("word1 word2 similarity\nold new 1.5\nsmart clever 9\n", ()),
    ],
)
def test_pairs_are_read_in_every_layout(write, content, groups):
    assert read_word_set(write(content)) == PairSet("set", "similarity", PAIRS, (1.5, 9.0), groups)


def test_a_compressed_file_is_named_without_its_endings(write):
    path = write(lzma.compress(b"old new 1\n"), "my.set.tsv.xz")
    assert read_word_set(path).name == "my.set"


def test_hyperlex_is_graded_entailment(write):
    header = "WORD1 WORD2 POS TYPE AVG_SCORE AVG_SCORE_0_10 STD SCORES"
    word_set = read_word_set(write(f"{header}\ngirl person N hyp-1 5.91 9.85 0.28 6,6,6\n"))
    assert (word_set.kind, word_set.pairs, word_set.scores, word_set.groups) == (
        "entailment",
        (("girl", "person"),),
        (5.91,),
        ("N",),
    )
    assert not word_set.binary


def test_relations_are_binary_entailment(write):
    word_set = read_word_set(write("word1,word2,relation\ncat,animal,hyper\ncat,dog,coord\n"))
    assert (word_set.kind, word_set.scores, word_set.groups) == ("entailment", (1.0, 0.0), ("hyper", "coord"))


def test_analogies_are_read_in_sections_and_from_tables(write):
    expected = AnalogySet("set", (("a", "b", "c", "d"), ("e", "f", "g", "h")), ("one", "gram2"))
    assert read_word_set(write(": one\na b c d\n: gram2\ne f g h\n")) == expected
    table = "type,word1,word2,word3,target\none,a,b,c,d\ngram2,e,f,g,h\n"
    assert read_word_set(write(table)) == expected


def test_a_word_of_two_categories_is_in_none(write):
    content = ",category,word\n0,bird,crow\n1,bird,crane\n2,machine,crane\n3,machine,\n4,machine,lathe\n5,bird,crow\n"
    assert read_word_set(write(content)) == CategorySet("set", ("crow", "lathe"), ("bird", "machine"), 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"set\.txt: holds no word set; expected pairs"),
        ("# nothing\n", r"set\.txt: holds no word set"),
        (": section\n", r"set\.txt: holds no word set"),
        ("old new 1\nsmart clever\n", r"set\.txt:2: is no pair: 'smart clever'"),
        ("old\tnew\thigh\n", r"set\.txt:1: is no pair"),
        ("old\tnew\tnan\n", r"set\.txt:1: is no pair"),
        ("old\t\t3\n", r"set\.txt:1: is no pair"),
        (": s\na b c d\na b c\n", r"set\.txt:3: a question needs four words, got 3"),
        (b"old\tnew\t1\n\xff\tnew\t1\n", r"set\.txt:2: not valid UTF-8"),
        ("word1,word2,similarity\nold,new,\n", r"set\.txt:2: the judgement similarity must be a number, got ''"),
        ("word1,word2,similarity\n,new,1\n", r"set\.txt:2: the cell of word1 is empty"),
        ("word1,word2,similarity\nold,new\n", r"set\.txt:2: the header has 3 cells"),
        ("word1 word2 similarity\nold new\n", r"set\.txt:2: the header has 3 cells \(word1, word2, similarity\), this"),
        ("word1,word2,other\nold,new,1\n", r"set\.txt:1: has no column of judgements; expected similarity"),
        ("word1,word2,relation\ncat,dog,coord\n", r"set\.txt: no pair has the relation 'hyper'"),
        ("category,word\nbird,crane\nmachine,crane\n", r"set\.txt: holds no word set"),
    ],
)
def test_what_cannot_be_used_is_named_by_file_and_line(write, content, message):
    with pytest.raises(DataError, match=message):
        read_word_set(write(content))


def test_a_set_that_does_not_come_with_nearfield_says_where_to_get_it():
    with pytest.raises(
        InvalidInputError, match=r"simlex-999 does not come with .* get it from https://fh295\.github\.io"
    ):
        load_word_set("simlex-999")


def test_an_unknown_name_lists_the_known_ones_and_a_missing_file_is_one():
    with pytest.raises(
        InvalidInputError, match=r"no word set 'wordsim'; give the path of a file, or one of: wordsim-353"
    ):
        load_word_set("wordsim")
    with pytest.raises(DataError, match=r"missing\.txt: no such file"):
        load_word_set("missing.txt")


def test_sets_are_names_files_folders_and_sets(write, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("b.txt", "a.txt", ".hidden"):
        write("old new 1\n", f"folder/{name}")
    own = PairSet("own", "similarity", (("a", "b"),), (1.0,))
    loaded = load_word_sets(["men", tmp_path / "folder", own])
    assert [word_set.name for word_set in loaded] == ["men", "a", "b", "own"]
    assert [word_set.name for word_set in load_word_sets()] == [entry.name for entry in word_sets() if entry.bundled]


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ("men", r"sets must be a sequence, got one; write \['men'\]"),
        ([], "sets must name at least one word set"),
        (["men", "men"], "two word sets are called 'men'"),
    ],
)
def test_sets_that_make_no_sense_are_refused(sets, message):
    with pytest.raises(InvalidInputError, match=message):
        load_word_sets(sets)
