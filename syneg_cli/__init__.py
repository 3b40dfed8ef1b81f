"""syneg: better dense retrievers from LLM-written hard negatives."""

__version__ = "0.1.0"
