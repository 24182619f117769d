"""Take a collection to another encoder while it goes on serving, and back again."""

import nearfield as nf

howto = nf.load_dataset("howto")
old, new = nf.load_encoder("nearfield-static"), nf.load_encoder("all-MiniLM-L6-v2")
nf.build_collection("howto.collection", howto.corpus, "nearfield-static", encoder=old)[0].close()
print(nf.plan_migration("howto.collection", new))


def jot_down(collection: nf.Collection) -> None:
    """Write while the migration runs, as any thread may; here, whenever it reports progress."""
    collection.upsert([nf.Record("note", "Descale the kettle with vinegar once a month.")])


with nf.Collection.open("howto.collection", encoder=old) as collection:
    with nf.Migration.begin(collection, new) as migration:
        # Judged queries make a better gate: nf.JudgedGate(howto.judgements)
        summary = migration.run(gate=nf.AgreementGate(least=0.2), progress=lambda *_: jot_down(collection))
    print(summary.gate)
    print(f"{collection.count()} records, ranked by {collection.spec.name}")
    print("found:", collection.search("limescale in the kettle", k=1)[0].id)

    # What is written from now on is not lost by going back.
    collection.upsert([nf.Record("later", "Store potatoes in the dark.")])
    back = nf.roll_back(collection, encoder=old)
    print(f"back to {collection.spec.name}, with {back.differing} record written since")
