"""Make the bundled SciFact files from the raw folder.

    python scripts/bundle_scifact.py ../shared/data/scifact src/nearfield/data/bundled/scifact

The raw folder is in BEIR layout. Each file is compressed as it is, so decompressing gives the raw bytes back.
"""

import lzma
import sys
from pathlib import Path

LINES = {"corpus.jsonl": 5183, "queries.jsonl": 1109, "qrels/train.tsv": 920, "qrels/test.tsv": 340}


def bundle(raw: Path, out: Path) -> None:
    """Check that each raw file is whole, and write it compressed; the same input gives the same bytes."""
    for name, lines in LINES.items():
        content = (raw / name).read_bytes()
        if (found := content.count(b"\n")) != lines:
            sys.exit(f"{raw / name} must have {lines} lines, has {found}")
        target = out / f"{name}.xz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(lzma.compress(content, check=lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: bundle_scifact.py RAW_FOLDER OUT_FOLDER")
    bundle(Path(sys.argv[1]), Path(sys.argv[2]))
