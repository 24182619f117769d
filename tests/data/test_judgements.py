import gzip

import numpy as np
import pandas as pd
import pytest

from nearfield.data.judgements import Judgements, read_judgements, read_qrels, read_queries
from nearfield.errors import DataError, InvalidInputError

QUERIES = {"q1": "leaking tap", "q2": "flat tyre", "q3": "weak coffee"}
BEIR = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td3\t1\n"
GRADES = {"q1": {"d1": 2, "d2": 0}, "q2": {"d3": 1}}


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.jsonl", '{"_id": "q1", "text": "leaking tap", "metadata": {}}\n{"_id": 2, "text": "flat tyre"}\n'),
        ("q.csv", "id,text\nq1,leaking tap\n2,flat tyre\n"),
        ("q.tsv", "id\tquery\nq1\tleaking tap\n2\tflat tyre\n"),
    ],
)
def test_queries_are_read_from_each_kind_of_file(tmp_path, name, content):
    assert read_queries(write(tmp_path / name, content)) == {"q1": "leaking tap", "2": "flat tyre"}


def test_queries_are_read_from_mappings_and_by_the_fields_given():
    assert read_queries(QUERIES) == QUERIES
    assert read_queries([{"no": 1, "q": "x", "text": "y"}], id_field="no", text_field="q") == {"1": "x"}


def test_queries_are_read_from_a_beir_folder(tmp_path):
    write(tmp_path / "queries.jsonl", '{"_id": "q1", "text": "x"}\n')
    assert read_queries(tmp_path) == {"q1": "x"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"_id": "q2", "text": ""}', "text of 'q2' is empty"),
        ('{"_id": "q1", "text": "x"}', "duplicate id 'q1', first used at line 1"),
        ('{"_id": "q2"', "not valid JSON"),
    ],
)
def test_a_bad_query_names_file_and_line(tmp_path, line, problem):
    path = write(tmp_path / "q.jsonl", f'{{"_id": "q1", "text": "x"}}\n{line}\n')
    with pytest.raises(DataError, match=f"^{path}:2: {problem}"):
        read_queries(path)


def test_a_query_that_is_a_title_only_is_an_error():
    with pytest.raises(DataError, match=r"^queries: text of query 'q1' is empty"):
        read_queries([{"id": "q1", "text": "", "title": "x"}])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qrels.tsv", BEIR),
        ("bom.tsv", b"\xef\xbb\xbf" + BEIR.encode()),
        ("crlf.tsv", BEIR.replace("\n", "\r\n")),
        ("qrels.csv", BEIR.replace("\t", ",").replace("-id", "_id")),
        ("qrels.tsv.gz", gzip.compress(BEIR.encode())),
        ("order.tsv", "score\tcorpus-id\tquery-id\n2\td1\tq1\n0\td2\tq1\n1\td3\tq2\n"),
        ("qrels.txt", "q1 0 d1 2\nq1\t0\td2\t0\n\nq2  Q0  d3  1\n"),
        ("trec", "q1 0 d1 2\r\nq1 0 d2 0\r\nq1 0 d2 0\r\nq2 0 d3 +1"),
    ],
)
def test_qrels_are_told_apart_by_their_content(tmp_path, name, content):
    assert read_qrels(write(tmp_path / name, content)) == GRADES


def test_qrels_are_read_from_mappings_and_data_frames():
    assert read_qrels({"q1": {"d1": np.int64(2), "d2": 0}, "q2": {"d3": 1}}) == GRADES
    frame = pd.DataFrame({"query-id": ["q1", "q1", "q2"], "corpus-id": ["d1", "d2", "d3"], "score": [2, 0, 1]})
    assert read_qrels(frame) == GRADES
    with pytest.raises(DataError, match=r"^DataFrame: no column 'score'; columns found: query-id, corpus-id"):
        read_qrels(frame.drop(columns="score"))


def test_ids_in_trec_files_may_hold_any_space_but_ascii(tmp_path):
    assert read_qrels(write(tmp_path / "q", "q\u00a01 0 d\u20281 1\n")) == {"q\u00a01": {"d\u20281": 1}}


BAD_QRELS = {
    "grade": ("query-id\tcorpus-id\tscore\nq1\td1\t1.5\n", 2, "grade must be a whole number, got '1.5'"),
    "underscore": ("q1 0 d1 1\nq1 0 d2 1_0\n", 2, "grade must be a whole number, got '1_0'"),
    "columns": ("q1 0 d1 1\n\nq1 d2 1\n", 3, "expected a header of query-id, .*; got 3 columns"),
    "no_header": ("q1\td1\t1\n", 1, "expected a header of query-id, corpus-id and score .*; got 3 columns"),
    "cells": ("query-id\tcorpus-id\tscore\nq1\td1\n", 2, "the header has 3 cells .*, this row 2; .* holds a tab"),
    "clash": ("q1 0 d1 1\nq1 0 d1 2\n", 2, "document 'd1' has grade 1 for query 'q1' already, now 2"),
    "empty_id": ("query-id\tcorpus-id\tscore\nq1\t\t1\n", 2, "id is empty"),
    "not_utf8": (b"q1 0 d1 1\nq\xe9 0 d1 1\n", 2, "not valid UTF-8: byte 0xe9"),
}


@pytest.mark.parametrize(("content", "line", "problem"), BAD_QRELS.values(), ids=BAD_QRELS)
def test_a_bad_judgement_names_file_and_line(tmp_path, content, line, problem):
    path = write(tmp_path / "qrels.tsv", content)
    with pytest.raises(DataError, match=f"^{path}:{line}: {problem}"):
        read_qrels(path)


@pytest.mark.parametrize("content", ["", "query-id\tcorpus-id\tscore\n"])
def test_a_file_without_judgements_is_an_error(tmp_path, content):
    path = write(tmp_path / "qrels.tsv", content)
    with pytest.raises(DataError, match=f"^{path}: holds no judgements"):
        read_qrels(path)


def test_qrels_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(DataError, match=f"^{tmp_path}: is a folder; give a file"):
        read_qrels(tmp_path)
    with pytest.raises(InvalidInputError, match=r"qrels must be a path, .*got int"):
        read_qrels(5)
    with pytest.raises(DataError, match=r"^qrels: query 'q1' must map to {document: grade}, got list"):
        read_qrels({"q1": ["d1"]})
    with pytest.raises(DataError, match=r"^qrels: grade must be a whole number, got True"):
        read_qrels({"q1": {"d1": True}})


def test_judgements_keep_the_judged_queries_and_count_the_others(tmp_path):
    judgements = read_judgements(QUERIES, write(tmp_path / "qrels.tsv", BEIR))
    assert judgements == Judgements({"q1": "leaking tap", "q2": "flat tyre"}, GRADES)
    assert judgements.unjudged == 1
    assert judgements.documents == {"d1", "d2", "d3"}


def test_a_judged_query_without_text_is_an_error_or_skipped_and_counted(tmp_path):
    path = write(tmp_path / "qrels.tsv", BEIR)
    with pytest.raises(DataError, match=rf"^{path}:4: query 'q2' is judged but not among the queries \(1 of 2 .*skip_"):
        read_judgements({"q1": "x"}, path)
    judgements = read_judgements({"q1": "x"}, path, skip_bad=True)
    assert judgements.qrels == {"q1": GRADES["q1"]}
    assert judgements.unknown_queries == 1


@pytest.mark.parametrize("skip_bad", [False, True])
def test_queries_that_are_all_unjudged_are_an_error(tmp_path, skip_bad):
    path = write(tmp_path / "qrels.tsv", BEIR)
    with pytest.raises(DataError, match=rf"^{path}:2: query 'q1' is judged .*\(2 of 2 judged queries are not\)"):
        read_judgements({"other": "x"}, path, skip_bad=skip_bad)


def test_a_judged_document_that_is_not_in_the_corpus_is_an_error_or_skipped_and_counted(tmp_path):
    path = write(tmp_path / "qrels.tsv", BEIR)
    judgements = read_judgements(QUERIES, path)
    assert judgements.check_documents({"d1", "d2", "d3", "d4"}) is judgements
    with pytest.raises(
        DataError, match=rf"^{path}:3: document 'd2' is judged but not in the corpus \(2 of 3 .*skip_bad"
    ):
        judgements.check_documents({"d1"})
    kept = judgements.check_documents({"d1"}, skip_bad=True)
    assert kept == Judgements({"q1": "leaking tap"}, {"q1": {"d1": 2}})
    assert (kept.unknown_documents, kept.documents, kept.unjudged) == (2, {"d1"}, 1)
    assert judgements.qrels == GRADES


def test_a_corpus_without_any_judged_document_is_an_error_even_if_bad_ones_are_skipped():
    judgements = read_judgements(QUERIES, GRADES)
    with pytest.raises(DataError, match=r"^qrels: document 'd1' is judged .*\(3 of 3 judged documents are not\)"):
        judgements.check_documents(set(), skip_bad=True)
