"""What an exported data set is: its file, its columns (`star/export/rows.py` fills them), and how it is read."""

from __future__ import annotations

from typing import NamedTuple

TEXTS = "list"
"""The type of a column that holds a list of texts."""


class Column(NamedTuple):
    """A name, a type of Arrow's (or `TEXTS`), and what stands there."""

    name: str
    type: str
    meaning: str


COLUMNS = (
    Column("prompt", "string", "what the model saw in training"),
    Column("completion", "string", "what it learned to write behind it (an end-of-sequence token follows)"),
    Column("question", "string", "the problem"),
    Column("choices", TEXTS, "its choices, if it has any"),
    Column("answer", "string", "its ground truth"),
    Column("answer_source", "string", "how that was obtained: gold, computed, consensus or document"),
    Column("problem_id", "string", "id of the problem in its run"),
    Column("group", "string", "what accuracy is reported by"),
    Column("task", "string", "kind of the task"),
    Column("source", "string", "file and line, hub data set and row, or generator of the problem"),
    Column("source_revision", "string", "SHA-256 of that file, or commit of that data set"),
    Column(
        "parents", TEXTS, "what a model saw when it wrote this problem: ids of others, or file and lines of a passage"
    ),
    Column("passage", "string", "that passage"),
    Column("attempt_id", "string", "id of the example, which star trace follows to its problem"),
    Column("kind", "string", "plain, hinted, ground-truth, real or lesson"),
    Column("iteration", "int32", "the iteration that accepted it"),
    Column("times_learned", "int32", "how often the exported iteration learned it; null where nothing was trained"),
    Column("model", "string", "the model that wrote it: base, or the iteration that trained it"),
    Column("adapter_sha256", "string", "hash of that model's adapter; none for the base model"),
    Column("base_model", "string", "the base model below the adapter"),
    Column("base_model_sha256", "string", "hash of its files, or of its hub id and commit"),
    Column("sampling_prompt", "string", "the exact prompt that it was sampled from"),
    Column("sampled_text", "string", "the exact text that was sampled"),
    Column("temperature", "float64", "0 is greedy"),
    Column("top_p", "float64", "probability mass of the nucleus"),
    Column("top_k", "int32", "how many tokens at most; 0 for all"),
    Column("max_new_tokens", "int32", "longest text, in tokens"),
    Column("stop", TEXTS, "strings that end a text"),
    Column("seed", "int64", "seed of this text alone"),
    Column("sample_index", "int32", "which of the samples of its prompt it is"),
    Column("finish_reason", "string", "eos, stop or length"),
    Column("num_tokens", "int32", "tokens that were sampled"),
    Column("verdict", "string", "correct, wrong, no_answer, timeout or error"),
    Column("verdict_answer", "string", "the final answer that was found in it"),
    Column("verdict_detail", "string", "what the verifier had to say beside"),
    Column("verifier", "string", "verifier and version"),
    Column("steps_checked", "int32", "steps of the working that could be checked"),
    Column("steps_wrong", "int32", "steps of those that are certainly wrong"),
    Column("rationalized", "bool", "whether it was written with the answer in sight"),
    Column("hint", "string", "the answer that the sampling prompt showed"),
    Column("kept_hint", "bool", "whether the training prompt shows it too"),
    Column("filters", TEXTS, "what it had to pass to be trained on"),
    Column("recipe_sha256", "string", "hash of the settings of the run that decide results"),
)
"""All of them, in order. `prompt` and `completion` are the names that TRL reads."""

LOAD = """\
from datasets import load_dataset

rows = load_dataset("this-folder", split="train")"""


class Layout(NamedTuple):
    """How rows lie in a folder: the file, its columns, and how it is read, with the language of that."""

    file: str
    columns: tuple[Column, ...]
    use: str
    language: str = "python"

    @property
    def pattern(self) -> str:
        """The file, or all parts of it that there may be."""
        return self.file.replace("00000-of-00001", "*")


PARQUET = Layout("data/train-00000-of-00001.parquet", COLUMNS, LOAD)
"""All columns."""
