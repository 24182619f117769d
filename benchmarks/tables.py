"""Write the README's tables from results/*.json.

    python benchmarks/tables.py [--check]

With --check, say whether the README holds what the results say, and change nothing.
"""

import json
import sys
from pathlib import Path
from typing import Any

from harness import RESULTS

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->"


def result(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def quality(found: dict[str, Any]) -> str:
    rows = []
    for name, row in found["retrievers"].items():
        ndcg, recall = row["ndcg@10"], row["recall@100"]
        target = "" if row["target"] is None else f"{row['target']:.3f}"
        reached = f"{ndcg['mean']:.3f} [{ndcg['low']:.3f}, {ndcg['high']:.3f}]"
        rows.append([f"`{name}`", reached, target, f"{recall['mean']:.3f}"])
    return f"**Quality** on {found['data']}\n\n" + table(["retriever", "nDCG@10", "target", "recall@100"], rows)


def encoding(found: dict[str, Any]) -> str:
    rows = []
    for kind, row in found["results"].items():
        for name, rate in row["texts_per_second"].items():
            speedup, target = row["speedup"][name], row["target_speedup"].get(name)
            rows.append(
                [
                    f"{kind}, {row['mean_tokens']:.0f} tokens",
                    name,
                    f"{rate:,.0f}",
                    f"{speedup['median']:.2f}× ({speedup['low']:.2f}–{speedup['high']:.2f})",
                    "" if target is None else f"{target}×",
                    f"{row['minimum_cosine'][name]:.4f}",
                ]
            )
    head = ["texts", "engine", "texts/s", "against sentence-transformers", "target", "lowest cosine"]
    return "**Encoding**, all-MiniLM-L6-v2\n\n" + table(head, rows)


def static(found: dict[str, Any]) -> str:
    rows = []
    for name, row in found["quality"].items():
        sts, scifact = row["sts"]["test"], row["scifact"]["test"]
        ndcg = scifact["ndcg@10"]
        rows.append(
            [
                name if " " in name else f"`{name}`",
                f"{sts['mean']:.3f} [{sts['low']:.3f}, {sts['high']:.3f}]",
                f"{ndcg['mean']:.3f} [{ndcg['low']:.3f}, {ndcg['high']:.3f}]",
                f"{scifact['recall@100']:.3f}",
            ]
        )
    rows.append(["target for `nearfield-static`", "0.735 (0.76)", "0.490 (0.52)", ""])
    head = ["encoder", "STS-B test, Spearman", "SciFact test, nDCG@10", "recall@100"]
    speed, start = found["speed"], found["start"]
    rates, ratios = speed["texts_per_second"], speed["speedup"]
    words = f"{speed['texts']:,} sentences of {speed['mean_words']:.0f} words"
    measures = [
        [f"{words}, texts/s: nearfield, words met for the first time", f"{rates['nearfield']:,.0f}", ""],
        ["the same, words known", f"{rates['nearfield, warm']:,.0f}", ""],
        ["model2vec with the same table", f"{rates['model2vec']:,.0f}", ""],
        *[
            [f"ratio, {name}", f"{r['median']:.2f}× ({r['low']:.2f}–{r['high']:.2f})", "≥ 2×"]
            for name, r in ratios.items()
        ],
        ["size of the folder", f"{found['bytes'] / 1e6:.1f} MB", "≤ 8 MB"],
        [
            "start of a process to its first vector (`import numpy` alone)",
            f"{start['seconds']['nearfield']['median']:.2f} s ({start['seconds']['import numpy']['median']:.2f} s)",
            f"≤ {start['target_s']} s",
        ],
    ]
    return "**The encoder that ships**\n\n" + table(head, rows) + "\n\n" + table(["", "measured", "target"], measures)


def reduced(found: dict[str, Any]) -> str:
    rows = []
    for name, row in found["vectors"].items():
        ndcg, lost = row["ndcg@10"]["mean"], row["difference_from_full"]
        difference = f"{lost['mean']:+.3f} [{lost['low']:+.3f}, {lost['high']:+.3f}]" if lost else ""
        rows.append([name, f"{row['bytes_per_vector']:,}", f"{ndcg:.3f}", difference])
    head = ["dimensions × precision", "bytes", "nDCG@10", "against the full vectors"]
    return f"**Smaller vectors**, all-MiniLM-L6-v2 on {found['data']}\n\n" + table(head, rows)


def estimate(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def code_search(found: dict[str, Any]) -> str:
    parts = {"CoSQA test": found["code"]["CoSQA"]["parts"]["test"]}
    parts |= {name: found["code"][name]["parts"]["all"] for name in ("MBPP", "HumanEval")}
    rows = []
    for name in parts["MBPP"]["retrievers"]:
        row = [f"`{name}`"]
        for part in parts.values():
            scores = part["retrievers"][name]
            row += [estimate(scores["recall@1"]), f"{scores['recall@10']['mean']:.3f}"]
        rows.append(row)
    head = ["retriever", *(column for part in parts for column in (f"{part}, recall@1", "@10"))]
    return "**Code search**, from what it does to the function\n\n" + table(head, rows)


def across_languages(found: dict[str, Any]) -> str:
    xquad, tatoeba = (found["across_languages"][name]["parts"] for name in ("XQuAD", "Tatoeba"))
    together = {"en", "all but en", "all"}
    rows = []
    for name in tatoeba["all"]["retrievers"]:
        row = [f"`{name}`", estimate(xquad["en"]["retrievers"][name]["recall@1"])]
        for parts, mean in ((xquad, "all but en"), (tatoeba, "all")):
            each = {key: part["retrievers"][name]["recall@1"]["mean"] for key, part in parts.items()}
            singles = sorted((value, key) for key, value in each.items() if key not in together)
            (low, worst), (high, best) = singles[0], singles[-1]
            row += [estimate(parts[mean]["retrievers"][name]["recall@1"]), f"{worst} {low:.3f}, {best} {high:.3f}"]
        rows.append(row)
    languages, pairs = (len(parts.keys() - together) for parts in (xquad, tatoeba))
    head = ["retriever, recall@1", "XQuAD, English questions", f"in {languages} other languages", "worst, best"]
    head += [f"Tatoeba, {pairs} languages", "worst, best"]
    return "**Across languages**, to English paragraphs (XQuAD) and sentences (Tatoeba)\n\n" + table(head, rows)


def words(found: dict[str, Any]) -> list[str]:
    row = found["results"]
    low, high = row["interval"]
    reached = f"{row['validation_accuracy']:.3f} [{low:.3f}, {high:.3f}]"
    return ["words in context (WiC validation), accuracy, all-MiniLM-L6-v2", reached, f"≥ {row['target']:.2f}"]


def images(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    for data in found["data"]:
        ours, pixels = (found["encoders"][name][data] for name in ("EfficientNet-lite0", "pixels"))
        low, high = ours["interval_95"]
        what = f"nearest neighbours, {data.replace('_', ' ')}, EfficientNet-lite0 (raw pixels)"
        rows.append([what, f"{ours['accuracy']:.3f} [{low:.3f}, {high:.3f}] ({pixels['accuracy']:.3f})", ""])
    return rows


def store(found: dict[str, Any]) -> list[list[str]]:
    ours, queries = found["nearfield"], found["queries"]
    raw = queries["raw_string_ids"]
    return [
        ["upsert, synced before it is acknowledged", f"{ours['upsert_points_per_second']:,.0f} points/s", "≥ 15,000"],
        [
            "query against the bare engine, same recall",
            f"{queries['ours']['per_second']:,.0f} against {raw['per_second']:,.0f}/s: {queries['ours_to_raw']:.0%} "
            f"at recall@10 {queries['ours']['recall']:.3f}",
            "≥ 85 %",
        ],
    ]


def best_filtered(rows: list[dict[str, Any]], least: float) -> dict[str, Any]:
    """The fastest setting that finds enough under the filter; if none does, the one that finds most."""
    enough = [row for row in rows if row["recall"] >= least]
    return max(enough, key=lambda row: row["per_second"]) if enough else max(rows, key=lambda row: row["recall"])


def at_recall(entry: dict[str, Any]) -> str:
    """Queries/s of a peer at nearfield's recall, or where it cannot be interpolated, at its nearest recall above."""
    if entry["at_our_recall"]:
        return f"{entry['at_our_recall']:,.0f}"
    lowest = min(entry["queries"], key=lambda row: row["recall"])
    return f"{lowest['per_second']:,.0f} (at {lowest['recall']:.3f}, its lowest)"


def side_by_side(found: dict[str, Any]) -> str:
    stores = found["stores"]
    ours = stores["nearfield"]
    recall = ours["queries"][0]["recall"]
    rows = []
    for name, entry in stores.items():
        filtered = best_filtered(entry["filter_1_percent"], found["least_recall"])
        rows.append(
            [
                f"{name} {version_of(entry)}",
                at_recall(entry),
                "" if name == "nearfield" else times(ours["at_our_recall"], entry["at_our_recall"]),
                f"{filtered['per_second']:,.0f} at {filtered['recall']:.3f}",
                f"{entry['ingest_s']:.1f} s",
                f"{entry['allocated_bytes'] / 1e6:,.0f} MB",
            ]
        )
    head = [
        "store",
        f"queries/s at recall@10 {recall:.3f}",
        "nearfield is",
        "a filter that keeps 1 %",
        "ingest and index",
        "disk",
    ]
    count, dim = found["vectors"]
    cold = found["cold_start"]
    chroma = stores.get("chroma")
    notes = [
        f"A store of {count:,} opens in {cold['open_s']:.2f} s with nothing of it in memory, and answers "
        f"{cold['first_query_s'] * 1e3:.0f} ms later (target: 0.3 s together); importing takes "
        f"{cold['import_s']:.2f} s before that."
    ]
    notes.append(
        f"Disk is {ours['allocated_bytes'] / found['raw_bytes']:.1f}× the raw vectors and texts (target: ≤ 2×)."
    )
    if chroma:
        filtered = best_filtered(chroma["filter_1_percent"], found["least_recall"])["per_second"]
        mine = best_filtered(ours["filter_1_percent"], found["least_recall"])["per_second"]
        notes.append(
            f"Against Chroma: ingest {chroma['ingest_s'] / ours['ingest_s']:.1f}× (target: 4×), under the filter "
            f"{mine / filtered:.0f}× (target: 100×)."
        )
    ef = found["config"]["ef"]
    title = f"**Stores**, {count:,} × {dim}, {found['data']}; single queries, ours with ef = {ef} in every column"
    return f"{title}\n\n{table(head, rows)}\n\n{' '.join(notes)}"


def version_of(entry: dict[str, Any]) -> str:
    """The version of what is compared, which of a server's is not its client's."""
    versions = entry["versions"]
    return str(versions.get("pgvector") or next(iter(versions.values())))


def times(ours: float | None, theirs: float | None) -> str:
    return f"{ours / theirs:.1f}× as fast" if ours and theirs else ""


def growth(found: dict[str, Any]) -> str:
    rows = [
        [
            f"{row['size']:,}",
            f"{row['build_s']:,.0f} s",
            f"{row['peak_anonymous_mb']:,.0f} MB",
            f"{row['allocated_mb']:,.0f} MB",
            f"{row['per_second']:,.0f}",
            f"{row['recall']:.3f}",
            f"{row['p50_ms']:.2f} / {row['p95_ms']:.2f} / {row['p99_ms']:.2f} ms",
        ]
        for row in found["sizes"]
    ]
    limit = found["memory_limit_gb"]
    limited = f"memory limited to {limit:g} GB" if limit else "memory not limited"
    head = ["vectors", "built", "anonymous memory", "disk", "queries/s", "recall@10", "p50 / p95 / p99"]
    title = f"**Growth** of the embedded store, 384 dimensions, {found['data']}, {limited}"
    targets = "Targets at a million: 12 minutes, 1 GB, 1,500 queries/s at 0.95."
    return f"{title}\n\n{table(head, rows)}\n\n{targets}"


def overhead(found: dict[str, Any]) -> str:
    def cell(entry: dict[str, Any]) -> str:
        low, high = entry["overhead_of_pairs"]
        return f"{entry['overhead']:+.0%} ({low:+.0%} to {high:+.0%})"

    rows = [
        [name, f"{each['points']:,}", cell(each["query"]), cell(each["load"])] for name, each in found["stores"].items()
    ]
    head = ["back end", "points", "query (≤ +15 %)", "load (≤ +20 %)"]
    return f"**Over each vendor's bare client**, time of nearfield's store\n\n{table(head, rows)}"


def starting(found: dict[str, Any]) -> list[list[str]]:
    helped, imported = found["help_vs_numpy"], found["import_vs_json"]
    return [
        ["`nearfield --help` against `import numpy`", f"{helped['ratio']:.2f}×", "≤ 1.5×"],
        ["`import nearfield` beyond `import json`", f"{imported['difference_s'] * 1e3:.0f} ms", "≤ 50 ms"],
        ["core installation", f"{found['core_install_mb']:,.0f} MB", "≤ 350 MB"],
    ]


def memory(found: dict[str, Any]) -> list[str]:
    quarters = " · ".join(f"{peak:.0f}" for peak in found["peak_in_each_quarter_mb"])
    return [
        f"anonymous memory, indexing {found['records']:,} records (peak in each quarter of the time, MB)",
        quarters,
        "≤ 1,000, flat",
    ]


def encoding_memory(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    for engine, peaks in found["many"].items():
        own = [row["peak_anonymous_mb"] - found["texts_and_vectors_mb"][count] for count, row in peaks.items()]
        counts = " / ".join(f"{int(count):,}" for count in peaks)
        what = f"memory beyond texts and vectors, encoding {counts} texts, {engine}"
        rows.append([what, f"{' / '.join(f'{megabytes:,.0f}' for megabytes in own)} MB", "flat"])
    scores = f"far below {found['attention_scores_mb']:,.0f} MB"
    for engine, row in found["long"].items():
        peak = f"{row['peak_anonymous_mb']:,.0f} MB"
        rows.append([f"memory, texts of 8,192 tokens with 12 heads, {engine}", peak, scores])
    return rows


def statistics(found: dict[str, Any]) -> list[list[str]]:
    coverages = [
        methods["nearfield"]
        for counts in found["coverage_of_95_percent_intervals"].values()
        for methods in counts.values()
    ]
    seconds = found["speed"]["seconds"]
    return [
        [
            "coverage of the 95 % intervals",
            f"{min(coverages):.3f}–{max(coverages):.3f}",
            "0.93–0.97",
        ],
        [
            "10,000 resamples of 10,000 queries",
            f"{found['speed']['bootstrap_10000_of_10000_seconds']['median']:.2f} s",
            "≤ 1 s",
        ],
        *[[f"scoring 10,000 × 1,000: {name}", f"{timing['median']:.2f} s", ""] for name, timing in seconds.items()],
    ]


def training(found: dict[str, Any]) -> str:
    rows = []
    for name, kind in (("skip_gram", "skip-gram"), ("cbow", "CBOW"), ("subwords", "skip-gram with n-grams")):
        group = found[name]
        ours = group["nearfield"]
        for peer in (key for key in group if key not in ("words", "nearfield")):
            speed, whole, peak = (group[peer][figure] for figure in ("words_per_second", "total", "peak_mib"))
            rows.append(
                [
                    f"{kind}, {group['words'] / 1e6:.0f} M words",
                    peer.replace("_", " "),
                    f"{ours['words_per_second']['median']:,.0f} against {speed['median']:,.0f}",
                    f"{ours['words_per_second']['median'] / speed['median']:.1f}×",
                    "≥ 3×" if peer != "gensim" else "≥ 4×",
                    f"{whole['median'] / ours['total']['median']:.1f}×",
                    f"{ours['peak_mib']['median']:.0f} against {peak['median']:.0f} MiB",
                ]
            )
    head = ["one epoch, 200 dimensions", "against", "words/s", "ratio", "target", "end to end (≥ 3×)", "peak memory"]
    return "**Training word vectors**, enwiki-fa, 2 threads\n\n" + table(head, rows)


def trained(found: dict[str, Any]) -> str:
    rows = []
    for name, kind in (("skip_gram", "skip-gram"), ("cbow", "CBOW")):
        for row in found["quality"][name]["comparison"]["differences"]:
            rows.append(
                [
                    kind,
                    row["name"],
                    f"{row['other']:.3f}",
                    f"{row['first']:.3f}",
                    f"{row['difference']['mean']:+.3f} "
                    f"[{row['difference']['low']:+.3f}, {row['difference']['high']:+.3f}]",
                    row["verdict"],
                ]
            )
    head = ["five epochs, 16 M words", "test", "nearfield", "gensim", "difference", "verdict"]
    return "**What those vectors are worth**\n\n" + table(head, rows)


def spaces(found: dict[str, Any]) -> list[list[str]]:
    near, analogy = found["most_similar"], found["analogies"]
    return [
        [
            f"`most_similar`, {near['keys']:,} × {near['dim']}, against gensim",
            f"{near['ms_per_query']['nearfield']:.1f} against {near['ms_per_query']['gensim']:.1f} ms: "
            f"{near['times_as_fast']:.1f}×",
            "≥ 2×",
        ],
        [
            f"{analogy['questions']:,} analogies over {analogy['keys']:,} words, against gensim",
            f"{analogy['seconds']['nearfield']:.1f} against {analogy['seconds']['gensim']:.1f} s: "
            f"{analogy['times_as_fast']:.1f}×",
            "≥ 3×",
        ],
    ]


def tables() -> str:
    parts = []
    for name, write in (
        ("quality", quality),
        ("text_quality", code_search),
        ("text_quality", across_languages),
        ("static_quality", static),
        ("transformer_speed", encoding),
        ("reduced_quality", reduced),
        ("stores", side_by_side),
        ("store_growth", growth),
        ("store_overhead", overhead),
        ("word2vec_training", training),
        ("word2vec_training", trained),
    ):
        if found := result(name):
            parts.append(write(found))
    rows = starting(found) if (found := result("startup")) else []
    rows += [memory(found)] if (found := result("ingest_memory_hash")) else []
    rows += encoding_memory(found) if (found := result("encode_memory")) else []
    rows += [words(found)] if (found := result("words_in_context")) else []
    rows += store(found) if (found := result("embedded_store")) else []
    rows += spaces(found) if (found := result("space_speed")) else []
    rows += images(found) if (found := result("image_quality")) else []
    rows += statistics(found) if (found := result("statistics_coverage")) else []
    parts.append("**The rest**\n\n" + table(["", "measured", "target"], rows))
    found = next(filter(None, map(result, ("quality", "transformer_speed", "embedded_store"))), None)
    if found:
        parts.append(f"On {found['machine']['cores']} cores of {found['machine']['cpu']}; versions stand in the JSON.")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    fresh = f"{before}{BEGIN}{tables()}{END}{after}"
    if "--check" in sys.argv:
        raise SystemExit(0 if fresh == text else "README.md is behind benchmarks/results; run benchmarks/tables.py")
    README.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
