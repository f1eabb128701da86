import pytest

from app.config_service.changes import Level
from app.config_service.json_schema import MAX_ERRORS
from app.config_service.known_variables import HandIn, KnownVariables, Problem, wrong_variables
from app.config_service.steps import MANY_STEPS, MAX_STEPS, Steps, TooManyStepsError
from app.config_updates.protocol import VariableSchema
from app.config_updates.schemas import variables_schemas
from app.kit_variables import KIT_VARIABLES

NUMBER = VariableSchema(schema_={"type": "integer"}, default=1, description="A number.")
TEXT = VariableSchema(schema_={"type": "string"}, default="", description="A text.")


def taken(**services: dict[str, VariableSchema]) -> KnownVariables:
    known = KnownVariables()
    known.take({name: HandIn("then", each).stored() for name, each in services.items()})
    return known


def test_what_was_handed_in_is_as_it_was_when_it_has_been_stored() -> None:
    handed_in = HandIn("then", {"A": NUMBER, "B": TEXT})

    again = HandIn.of_stored(handed_in.stored())

    assert (again.at, again.variables) == (handed_in.at, handed_in.variables)


def test_level_reaches_the_services_that_it_is_for() -> None:
    known = taken(chat={"A": NUMBER}, mail={"A": TEXT, "B": TEXT})

    assert known.knowing("A", Level()) == {"chat": NUMBER, "mail": TEXT}
    assert known.knowing("A", Level("", "testing")) == {"chat": NUMBER, "mail": TEXT}
    assert known.knowing("A", Level("mail", "testing")) == {"mail": TEXT}
    assert known.knowing("B", Level("chat")) == {}
    assert known.knowing("A", Level("web")) == {}


def test_what_a_service_hands_in_last_counts() -> None:
    known = taken(chat={"A": NUMBER}, mail={"A": NUMBER})
    assert known.problems("A", Level(), "x") == [
        Problem((), "expected a whole number (got 'x')", ("chat", "mail"))
    ]
    before = known.version

    chat = HandIn("then", {"A": NUMBER}).stored()
    known.take({"chat": chat, "mail": HandIn("now", {"A": TEXT}).stored()})

    assert known.version != before
    assert known.problems("A", Level("mail"), "x") == []
    assert known.problems("A", Level("chat"), "x") != []


def test_version_is_the_same_for_the_same_and_in_any_process() -> None:
    one, other = taken(chat={"A": NUMBER}, mail={}), taken(mail={}, chat={"A": NUMBER})

    assert one.version == other.version != taken().version


def test_variables_of_the_kit_can_be_handed_in() -> None:
    assert wrong_variables(variables_schemas(KIT_VARIABLES)) == []


@pytest.mark.parametrize(
    ("variable", "path", "text"),
    [
        (
            VariableSchema(schema_={"type": 1}),
            ("variables", "A", "schema"),
            "no JSON Schema that is taken: type: expected array, boolean",
        ),
        (
            VariableSchema(schema_={"properties": {"a": {"minimum": 1}}}, default={"a": 0}),
            ("variables", "A", "default", "a"),
            "expected at least 1 (got 0)",
        ),
        (
            VariableSchema(schema_={"$ref": "#/$defs/a"}, default=1),
            ("variables", "A", "schema"),
            "no JSON Schema that is taken: $ref: there is no '#/$defs/a'",
        ),
    ],
)
def test_what_could_check_nothing_is_wrong(
    variable: VariableSchema, path: tuple[str, ...], text: str
) -> None:
    (problem,) = wrong_variables({"A": variable, "B": NUMBER})

    assert problem.path == path
    assert problem.text.startswith(text)


def test_no_more_is_told_of_a_hand_in_than_anybody_would_read() -> None:
    variables = {f"V{n}": VariableSchema(schema_={"type": 1}) for n in range(1000)}

    assert len(wrong_variables(variables)) == MAX_ERRORS


COSTLY = {
    "$ref": "#/$defs/d0",
    "$defs": {
        **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)},
        "d30": {},
    },
}


def test_many_schemas_together_take_no_longer_than_one() -> None:
    steps = Steps(MANY_STEPS)
    variables = {f"V{n}": VariableSchema(schema_=COSTLY, default=1) for n in range(50)}

    assert len(wrong_variables(variables)) == 50
    known = taken(
        **{f"s{n}": {"A": VariableSchema(schema_={**COSTLY, "x-": n})} for n in range(99)}
    )
    assert len(known.problems("A", Level(), 1)[0].services) == 99
    assert known.problems("A", Level(), 1, steps)
    with pytest.raises(TooManyStepsError):
        steps.take(MANY_STEPS - MAX_STEPS + 1)


def test_schema_that_many_services_have_is_checked_once_however_they_came() -> None:
    known = taken(chat={"A": NUMBER})
    known.problems("A", Level(), 1)
    known.take({"mail": HandIn("now", {"A": NUMBER}).stored()})

    known.problems("A", Level(), 1)

    checks = {id(each.checks["A"]) for each in known.services.values()}
    assert len(checks) == 1


def test_service_that_is_forgotten_knows_nothing() -> None:
    known = taken(chat={"A": NUMBER})

    known.take({"chat": None})

    assert known.problems("A", Level(), "x") == []
    assert known.services == {}


def test_name_is_compared_with_so_many_others_only() -> None:
    few = taken(chat={f"SOME_{n}": NUMBER for n in range(9)})
    many = taken(chat={f"SOME_{n}": NUMBER for n in range(5000)})
    hints = [known.unknown("SOEM_1", Level()) for known in (few, many)]

    assert ["did you mean" in each.text for each in hints if each] == [True, False]
