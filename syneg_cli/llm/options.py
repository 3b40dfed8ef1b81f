"""Which options of a request a server takes, learned from what it refuses.

Each option has its forms in order, the best one first; the last, "", leaves it out. A form is
only ever given up for the next one, so that adapting always ends. A request finds its own way,
and what it found counts for the others when the server has accepted it: one that is refused
for another reason spoils nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

Forms = Mapping[str, str]
"""Option -> the form in which it is sent."""


class Options:
    """What one server is sent.

    Args:
        ladders: option -> its forms, the best one first.
        names: option -> regular expression of the words by which a refusal means it.
    """

    def __init__(self, ladders: Mapping[str, tuple[str, ...]], names: Mapping[str, str]) -> None:
        self.ladders = ladders
        self.names = {option: re.compile(words) for option, words in names.items()}
        self.forms: Forms = {option: ladder[0] for option, ladder in ladders.items()}

    def further(self, first: Forms, second: Forms) -> Forms:
        """Of each option the later form of the two."""
        return {
            option: max(first[option], second[option], key=ladder.index)
            for option, ladder in self.ladders.items()
        }

    def without(self, forms: Forms, said: Collection[str], sent: Collection[str]) -> Forms | None:
        """The forms to try next after a refusal; None where it is about no option that was sent.

        Args:
            said: texts of the refusal, in lower case, the most telling one first.
            sent: the options that the request had.
        """
        for text in said:
            found = {
                option: match.start()
                for option in sent
                if forms[option] and (match := self.names[option].search(text))
            }
            if found:
                option = min(found, key=lambda name: found[name])
                ladder = self.ladders[option]
                return {**forms, option: ladder[ladder.index(forms[option]) + 1]}
        return None

    def accept(self, forms: Forms) -> list[str]:
        """The server took a request in these forms; returns the options that it gets no more from now on."""
        before, self.forms = self.forms, self.further(self.forms, forms)
        return [option for option, form in self.forms.items() if not form and before[option]]
