"""`nearfield doctor` prints what the library found."""

from dataclasses import replace

import pytest
from bundled_howto import strict_json

from nearfield.evaluation import doctor, quality_gate
from nearfield.evaluation.doctor import DoctorReport, RuntimeReport
from nearfield.evaluation.quality_gate import GateResult
from nearfield.statistics import Interval

REPORT = DoctorReport("tiny", "onnxruntime", "openvino-bf16", "why", (RuntimeReport("onnxruntime", "", 0, 0, 5, 1, 9),))
PASSED = GateResult("tiny", "abc", 0.995, 0.5, 0.501, Interval(0.001, -0.002, 0.004), 1109, 1000)


@pytest.fixture
def asked(monkeypatch):
    """What the library was asked for; it answers with the reports above."""
    calls = []
    monkeypatch.setattr(doctor, "diagnose", lambda name, **options: calls.append((name, options)) or REPORT)
    monkeypatch.setattr(quality_gate, "gate_int8", lambda name, **options: calls.append((name, options)) or PASSED)
    return calls


def test_the_report_is_printed(cli, asked):
    assert cli("doctor", "tiny", "--threads", 2).stdout == f"{REPORT}\n"
    ((name, options),) = asked
    assert (name, options["threads"]) == ("tiny", 2)


@pytest.mark.usefixtures("asked")
def test_both_reports_are_printed_as_json(cli):
    assert strict_json(cli("doctor", "tiny", "--json").stdout) == REPORT.to_json()
    found = strict_json(cli("doctor", "tiny", "--gate", "--json").stdout)
    assert found["passed"] is True
    assert found["difference"] == {"mean": 0.001, "low": -0.002, "high": 0.004}


@pytest.mark.usefixtures("asked")
def test_a_gate_that_was_passed_says_so_with_numbers(cli):
    said = cli("doctor", "tiny", "--gate").stdout
    assert "tiny passed the quality gate on 1,000 abstracts and 1,109 claims" in said
    assert "0.9950, needed is at least 0.99" in said
    assert "difference +0.0010 [−0.0020, +0.0040]" in said


def test_a_gate_that_was_failed_is_a_failure(cli, monkeypatch):
    monkeypatch.setattr(quality_gate, "gate_int8", lambda name, **options: replace(PASSED, mean_cosine=0.9))
    assert "tiny failed the quality gate" in cli("doctor", "tiny", "--gate", code=1).stdout
