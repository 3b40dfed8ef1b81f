"""No prompt takes days or gigabytes: the process that renders it may use a second, and little memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.limits import limited

SOUND = Path(__file__).parents[2] / "prompts" / "syneg.txt"
DOUBLES = (
    "{% set ns = namespace(x='xx') %}{% for i in range(99) %}{% set ns.x = {} %}{% endfor %}{{ ns.x|length }}"
)

ENDLESS = {
    "loop in a loop": "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    "a text many times": "{% for i in range(100000) %}" + "x" * 1000 + "{% endfor %}",
    "center": "{{ 'a'|center(3e9|int) }}",
    "center, a constant": "{{ 'a'|center(3000000000) }}",
    "center, a method": "{{ query.center(3000000000) }}",
    "zfill": "{{ query.zfill(3000000000) }}",
    "times": "{{ 'x' * 10**9 }}",
    "a list times": "{{ [query] * 1000000000 }}",
    "range": "{% for i in range(10**9) %}{% endfor %}",
    "range, as it is": "{{ range(1000000000)|list }}",
    "percent": "{{ '%3000000000d' % 1 }}",
    "percent, as a filter": "{{ '%3000000000d'|format(1) }}",
    "percent, by a number": "{{ '%*d'|format(3000000000, 1) }}",
    "format": "{{ '{:3000000000}'.format(1) }}",
    "format, by a number": "{{ '{:{}}'.format(1, 3000000000) }}",
    "doubling with ~": DOUBLES.replace("{}", "ns.x ~ ns.x"),
    "doubling with +": DOUBLES.replace("{}", "ns.x + ns.x"),
    "doubling with join": DOUBLES.replace("{}", "[ns.x, ns.x]|join"),
    "doubling lists": DOUBLES.replace("{}", "[ns.x, ns.x]").replace("|length", ""),
    "doubling with replace": DOUBLES.replace("{}", "ns.x|replace('x', ns.x)"),
    "doubling blocks": "{% set x %}xx{% endset %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40,
    "macros": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "loops that call themselves": "{% for i in [99] recursive %}{% if i %}{{ loop([i - 1, i - 1]) }}{% endif %}"
    "{% endfor %}",
    "indent": "{{ query|indent(3000000000, true) }}",
    "batch": "{{ [1]|batch(3000000000, 'x')|list }}",
    "round": "{{ 1|round(3000000000) }}",
    "lipsum": "{{ lipsum(9999, true, 9998, 9999) }}",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_prompt_has_an_end(cli: Cli, name: str) -> None:
    Path("prompts").mkdir()
    Path("prompts/own.txt").write_text(f"\n{ENDLESS[name]}\n" + SOUND.read_text(encoding="utf-8"))
    with limited(seconds=20, gigabytes=1):
        result = cli("prompts", "check", "own")
    assert result.code == 2, result.out
    assert "own.txt, line 2: " in result.out
    assert "Memory" not in result.out


def test_what_prompts_do_is_left_alone(cli: Cli, tiny: Path) -> None:
    Path("prompts").mkdir()
    own = (
        "{% for candidate in candidates %}{{ loop.index }}/{{ loop.length }}{% if loop.last %}.{% endif %}{% endfor %}"
        "{{ '%d of %s'|format(n, query) }}{{ '{} {:>9}'.format(n, query) }}{{ query|replace('a', 'b')|indent(4) }}"
        "{{ [query, positive]|join(', ') }}{{ n|default(20000) }}{{ query.upper() ~ n }}{{ 100 * n + 3 }}"
        "{% for name, value in {'a': 1}|dictsort %}{{ name }}{{ value }}{% endfor %}{{ range(20000)|length }}"
        "{% for word in query.split() if word|length > 3 %}{{ word }}{% else %}none{% endfor %}"
    )
    Path("prompts/own.txt").write_text(own + SOUND.read_text(encoding="utf-8"))
    shown = cli("prompts", "check", "own")
    assert shown.code == 0, shown.out
