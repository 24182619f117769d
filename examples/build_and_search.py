"""Index notes, search them by meaning and words, narrow the search by metadata, change a note."""

import nearfield as nf

howto = nf.load_dataset("howto")
collection, summary = nf.build_collection("howto.collection", howto.corpus, "hybrid:all-MiniLM-L6-v2")

with collection:
    print(f"{collection.count()} notes, {summary.written} written now")

    print("\nhow to fix a leaking faucet")
    for hit in collection.search("how to fix a leaking faucet", k=3):
        print(f"  {hit.score:6.2f}  {hit.title}  {dict(hit.legs)}")

    print("\n... in half an hour, by what was written in 2023 or later")
    quick_and_new = {"minutes": {"$lte": 30}, "year": {"$gte": 2023}}
    for hit in collection.search("how to fix a leaking faucet", k=3, where=quick_and_new):
        print(f"  {hit.score:6.2f}  {hit.title}  ({hit.meta['minutes']} minutes, {hit.meta['year']})")

    # A record with an id that is there replaces it; it is found as soon as `upsert` returns.
    collection.upsert([nf.Record("my-tap", "Ours has a ceramic cartridge, part 40 mm.", "Our kitchen faucet")])
    print("\nafter a change:", collection.search("kitchen faucet cartridge", k=1)[0].title)
    collection.delete(["my-tap"])
