"""What rows of each kind may say."""

from studio.new_zoo.fields import FIELDS
from studio.tasks.kinds import KINDS


def test_every_kind_has_its_fields_and_each_field_its_own_name():
    assert {*FIELDS} == {*KINDS}
    for kind, fields in FIELDS.items():
        names = [field.name for field in fields]
        assert len({*names}) == len(names), kind
        assert names[-1] == "group", kind
        assert not fields[-1].needed


def test_the_likeliest_name_of_a_column_is_the_fields_own():
    for kind, fields in FIELDS.items():
        for field in fields:
            assert field.known[0] == field.name, kind
            assert all(known == known.casefold() for known in field.known)
