"""Tasks on sentences from templates: a fictitious registry, freight orders, and incidents."""

import random
from itertools import combinations, permutations

from assets.make_zoo.rows import Row, Task, balanced

_GUILDS = ("bakers", "dyers", "glaziers", "masons", "millers", "potters", "smiths", "weavers")
_FIRST = [
    "Alvo",
    "Brisa",
    "Corin",
    "Delka",
    "Emrin",
    "Falda",
    "Gorvan",
    "Hesta",
    "Ilmo",
    "Jarla",
    "Kestin",
    "Lorva",
    "Mirek",
    "Nelda",
    "Orsin",
    "Pirra",
    "Quint",
    "Rovan",
    "Selka",
    "Tarvo",
]
_LAST = [
    "Andrak",
    "Belmor",
    "Corvist",
    "Dunhal",
    "Estrand",
    "Farwick",
    "Gelding",
    "Harrow",
    "Ismark",
    "Jorveld",
    "Kelbrand",
    "Lindar",
    "Morvane",
    "Norholt",
    "Osterby",
    "Pelgrim",
    "Quarrel",
    "Rostand",
    "Selwick",
    "Tarnell",
]
_ENTRIES = 160
_REGISTER = {
    "train": (
        "{} is entered in the register.",
        "The register lists {} since spring.",
        "We found an entry for {}.",
        "Please look up {} for me.",
        "{} paid the yearly fee.",
        "A letter for {} has arrived.",
        "The clerk wrote down {} twice.",
        "Which guild does {} belong to?",
        "{} asked for a copy of the record.",
        "Yesterday {} came to the office.",
        "The file of {} is complete.",
        "Our books mention {} on page nine.",
        "{} was admitted by the council.",
        "The seal of {} was renewed.",
        "There is a note about {} here.",
        "Send the certificate to {}, please.",
    ),
    "validation": (
        "The archive holds a card on {}.",
        "{} wants to know the date of the meeting.",
        "Nobody has seen {} this week.",
    ),
    "held_out": (
        "Is {} still a member?",
        "{} signed the charter last year.",
        "The treasurer reminded {} of the dues.",
        "At the fair we met {} and two apprentices.",
        "Under the old rules {} had no vote.",
        "The workshop of {} moved across the river.",
        "An apprentice of {} passed the test.",
    ),
}
_PLACES = {
    "north sea": "Hamburg Bremen Rotterdam Antwerp Esbjerg Bergen",
    "baltic": "Gdansk Riga Tallinn Stockholm Helsinki Rostock",
    "mediterranean": "Genoa Marseille Barcelona Piraeus Naples Valencia",
    "gulf": "Dubai Doha Kuwait Bahrain Basra Muscat",
    "east asia": "Shanghai Busan Osaka Taipei Yokohama Ningbo",
    "south asia": "Mumbai Chennai Karachi Colombo Kolkata Chittagong",
    "west africa": "Lagos Dakar Accra Abidjan Douala Luanda",
    "americas": "Houston Santos Montreal Callao Veracruz Savannah",
}
_GOODS = [
    "crates",
    "barrels",
    "pallets",
    "machines",
    "timber",
    "textiles",
    "grain",
    "steel",
    "copper",
    "paper",
    "tiles",
    "cables",
    "pumps",
    "bicycles",
    "furniture",
    "cement",
]
_FREIGHT = {
    "train": (
        "Ship the {g} from {a} to {b}.",
        "Send {g} to {b}, collected in {a}.",
        "{g} leaving {a} are due in {b}.",
        "To {b}: {g} out of {a}.",
        "Move the {g} to {b} from {a} this week.",
        "We load {g} at {a} and unload at {b}.",
        "Unload in {b} the {g} that were loaded in {a}.",
        "The {g} go from the port of {a} to the port of {b}.",
        "Deliver to {b} the {g} stored in {a}.",
        "From {a} we expect {g} bound for {b}.",
        "{b} awaits the {g} sent by {a}.",
        "{a} has sent the {g} to {b}.",
    ),
    "validation": (
        "Bring the {g} over to {b}; they are in {a} now.",
        "After {a}, the {g} continue to {b}.",
        "{b} is the destination of the {g} from {a}.",
    ),
    "held_out": (
        "Forward the {g} from our {a} yard to {b}.",
        "The customer in {b} ordered {g}, which {a} will supply.",
        "Our {g} departed {a} and will arrive in {b}.",
        "Arriving in {b} on Monday: {g} dispatched from {a}.",
        "Take {g} aboard in {a}, then sail for {b}.",
    ),
}
_ROLES = [
    "baker",
    "teacher",
    "nurse",
    "driver",
    "farmer",
    "waiter",
    "lawyer",
    "painter",
    "pilot",
    "tailor",
    "butcher",
    "singer",
]
_DEEDS = [
    "pushed",
    "insulted",
    "helped",
    "warned",
    "cheated",
    "thanked",
    "followed",
    "hired",
    "accused",
    "praised",
    "ignored",
    "called",
    "visited",
    "paid",
    "robbed",
    "rescued",
]
_INCIDENTS = {
    "train": (
        "The {a} {v} the {b}.",
        "The {b} was {v} by the {a}.",
        "A {a} {v} a {b} in the street.",
        "A {b} was {v} by a {a} in the street.",
        "It was the {a} who {v} the {b}.",
        "It was the {b} who was {v} by the {a}.",
        "Yesterday the {a} {v} the {b}.",
        "Yesterday the {b} was {v} by the {a}.",
        "The {b} said that the {a} {v} him.",
        "The {a} admitted that he {v} the {b}.",
    ),
    "validation": (
        "Witnesses saw how the {a} {v} the {b}.",
        "Witnesses saw how the {b} was {v} by the {a}.",
    ),
    "held_out": (
        "According to the report the {a} {v} the {b}.",
        "According to the report the {b} was {v} by the {a}.",
        "The {b}, {v} by the {a}, left the room.",
        "The {a} who {v} the {b} left the room.",
    ),
}
_SIZES = {"train": 4000, "validation": 400, "held_out": 1000}


def registry() -> Task:
    """Invented people and their guilds: the guild belongs to the pair of names, not to either."""
    dealer = random.Random("registry")
    people = [(first, last) for first in _FIRST for last in _LAST]
    dealer.shuffle(people)
    guilds = {person: _GUILDS[i % len(_GUILDS)] for i, person in enumerate(people[:_ENTRIES])}

    def rows(templates: tuple[str, ...]) -> list[Row]:
        named = ((" ".join(person), guild) for person, guild in guilds.items())
        return [Row(t.format(name), guild, name) for name, guild in named for t in templates]

    splits = {split: rows(templates) for split, templates in _REGISTER.items()}
    group = "entry; every entry is in every split, no sentence template is in two"
    return _task("guild-registry", _GUILDS, splits, dealer, "written for this zoo", group)


def freight() -> Task:
    """Orders to the region where the goods shall arrive: the other place is mentioned too."""
    dealer = random.Random("freight")
    region = {place: name for name, places in _PLACES.items() for place in places.split()}
    pairs = [pair for pair in permutations(region, 2) if region[pair[0]] != region[pair[1]]]

    def rows(chosen: list[tuple[str, str]], templates: tuple[str, ...]) -> list[Row]:
        return [
            Row(_sentence(t.format(g=dealer.choice(_GOODS), a=a, b=b)), region[b], f"{a}-{b}")
            for a, b in chosen for t in templates
        ]  # fmt: skip

    splits = {split: rows(part, _FREIGHT[split]) for split, part in _dealt(pairs, dealer).items()}
    group = "pair of places; no pair and no sentence template is in two splits"
    return _task("freight-desk", tuple(_PLACES), splits, dealer, "written for this zoo", group)


def incidents() -> Task:
    """Reports to the one who acted: the one acted upon is mentioned too."""
    dealer = random.Random("incidents")
    cases = [(*pair, verb) for pair in combinations(_ROLES, 2) for verb in _DEEDS]

    def rows(chosen: list[tuple[str, str, str]], templates: tuple[str, ...]) -> list[Row]:
        return [
            Row(t.format(a=a, b=b, v=verb), a, f"{min(a, b)}-{max(a, b)} {verb}")
            for x, y, verb in chosen for a, b in ((x, y), (y, x)) for t in templates
        ]  # fmt: skip

    splits = {split: rows(part, _INCIDENTS[split]) for split, part in _dealt(cases, dealer).items()}
    group = "two people and what happened; no case and no sentence template is in two splits"
    labels = tuple(sorted(_ROLES))
    return _task("incident-desk", labels, splits, dealer, "written for this zoo", group)


def _dealt(cases: list, dealer: random.Random) -> dict[str, list]:
    """Seven tenths to train, one to validation, two held out."""
    dealer.shuffle(cases)
    first, second = round(0.7 * len(cases)), round(0.8 * len(cases))
    return {"train": cases[:first], "validation": cases[first:second], "held_out": cases[second:]}


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _task(
    name: str, labels: tuple[str, ...], splits: dict, dealer: random.Random, source: str, group: str
) -> Task:
    chosen = {split: balanced(rows, _SIZES[split], dealer) for split, rows in splits.items()}
    return Task(name, labels, chosen, source, group)
