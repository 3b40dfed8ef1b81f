"""Everything syneg raises on purpose.

    SynegError                exit code 1: failed while running
      UsageError              exit code 2: an option or argument is wrong
      ProjectFileError        exit code 2: syneg.toml is wrong
      DatasetError            exit code 2: a data set file is wrong or missing
      PromptError             exit code 2: a prompt file is wrong or missing
      MissingArtifact         exit code 2: an earlier stage has to run first
      BackboneError           exit code 2: a model cannot be found or loaded
      HubError                exit code 1: a model cannot be pushed to the model hub
      Diverged                exit code 1: training came to numbers that are none
      LLMError                exit code 1: a language model call failed
        LLMSetupError           ... in a way that no retry helps (key, model, server)
        RateLimited             ... for now: the server asks to wait
        BadResponse             ... its answer cannot be used
        BudgetExceeded          ... not sent: it could pass the cap

`hint` is the next step, as a sentence of its own. Message and hint are without secrets, whoever made them.
Only `app.main` catches these.
"""

from __future__ import annotations

from syneg_cli.core.secrets import masked


class SynegError(Exception):
    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = masked(message)
        self.hint = masked(hint) if hint else hint
        super().__init__(self.message)

    def __str__(self) -> str:
        """What is wrong and what to do, as notebooks and tracebacks show it."""
        return f"{self.message} {self.hint}" if self.hint else self.message


class UsageError(SynegError):
    exit_code = 2


class ProjectFileError(SynegError):
    exit_code = 2


class DatasetError(SynegError):
    exit_code = 2


class PromptError(SynegError):
    exit_code = 2


class MissingArtifact(SynegError):
    exit_code = 2


class BackboneError(SynegError):
    exit_code = 2


class HubError(SynegError):
    """The model hub cannot be reached, or does not take a model."""


class Diverged(SynegError):
    """Training came to a loss, a gradient or weights that are not finite; nothing of it is saved."""


class LLMError(SynegError):
    """A call to a language model failed; other calls may still succeed."""


class LLMSetupError(LLMError):
    """No call can succeed until the user changes something: stop at once."""


class RateLimited(LLMError):
    """The server asks to wait. `retry_after` is in seconds, None if it did not say."""

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class BadResponse(LLMError):
    """The answer came and cannot be used."""


class BudgetExceeded(LLMError):
    """The next call could pass the cap, so it was not sent."""


PICKLED = "its weights are a pickle that holds more than tensors, which could run code"
PICKLED_HINT = "Nothing of it was run. Take a version of the model with model.safetensors."
"""Of a model that torch refuses to unpickle; its own message names the switch that would run the code."""


WHOLE_HINT = "Put a whole copy in its place: make the model again, or fetch it again."
"""Of a file of a model that was cut off or broken."""


def did_you_mean(wrong: str, known: list[str] | tuple[str, ...]) -> str:
    """` Did you mean 'x'?` for the nearest known name, or an empty string."""
    close = nearest(wrong, known)
    return f" Did you mean {close!r}?" if close else ""


def nearest(wrong: str, known: list[str] | tuple[str, ...]) -> str | None:
    """The known name that is most like a wrong one; None if none is like it."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(wrong, known, n=1, cutoff=0.6)), None)
