"""Names of fields at every back end."""

from nearfield.stores.field_keys import field_key


def test_keys_stay_as_they_are_stored():
    assert field_key("year") == "3d6f1e2b7a2f80601501f678"
    assert field_key("a.é") != field_key("a.e")
