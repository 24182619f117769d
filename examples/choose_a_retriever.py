"""Measure three retrievers on 44 notes and 20 judged queries, and let the numbers choose."""

import nearfield as nf

howto = nf.load_dataset("howto")

report = nf.compare(
    howto.corpus,
    ["tfidf", "bm25", "all-MiniLM-L6-v2"],
    queries=howto.judgements.queries,
    qrels=howto.judgements.qrels,
)
print(report)

# For colleagues: one page without anything to download. For `report.build` or `nearfield index --from`: JSON.
report.export("report.html")
report.save("report.json")

chosen = report.decision.chosen
print(f"\nbuild {chosen}" if chosen else f"\nundecided: {report.decision.why}")
