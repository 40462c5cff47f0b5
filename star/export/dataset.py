"""The training data of an iteration as a data set that `datasets.load_dataset` reads, and a card.

In our own format it is parquet with all that is known of each row; `formats.py` has those of other trainers.

Rows go through one batch at a time. The same run gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from star.audit.provenance import Conditions, parse_id, recipe_of
from star.cards.columns import PARQUET
from star.cards.dataset import Counts, dataset_card
from star.export.formats import FORMATS, Format, Texts, texts_of
from star.export.join import Attempts
from star.export.rows import features, to_row
from star.files import to_line
from star.order import training_order
from star.records import Example
from star.store import Artefacts, Store

ROWS = 1000
"""In a row group of the file, and in memory at once."""

Row = dict[str, Any]


def write_dataset(store: Store, number: int, folder: Path, name: str | None = None) -> int:
    """Write what iteration `number` was trained on into `folder`; returns how many rows there are.

    Args:
        name: a format of another trainer (`FORMATS`); ours by default. Theirs lack what was too long to be trained on.

    Raises:
        UserError: a file of the run is not what was written, or an attempt is missing.
    """
    counts, layout = Counts(), FORMATS[name].layout if name else PARQUET
    path = folder / layout.file
    path.parent.mkdir()
    rows = _counted(dataset_rows(store, number, with_too_long=name is None), counts)
    if name is None:
        _write_parquet(path, rows)
    else:
        _write_jsonl(path, rows, FORMATS[name], texts_of(store, number))
    card = dataset_card(Artefacts(store, number), store.recipe, counts, layout)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return counts.rows


def _counted(rows: Iterator[Row], counts: Counts) -> Iterator[Row]:
    for row in rows:
        counts.add(row)
        yield row


def _write_parquet(path: Path, rows: Iterator[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    schema = features().arrow_schema
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema), row_group_size=ROWS)


def _write_jsonl(path: Path, rows: Iterator[Row], form: Format, texts: Texts) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            made = form.to_row(texts, row["prompt"], row["completion"])
            file.write(to_line({**made, "attempt_id": row["attempt_id"]}))


def dataset_rows(store: Store, number: int, with_too_long: bool = True) -> Iterator[Row]:
    """The rows of the data set, in the order of the training data.

    Args:
        with_too_long: also the examples that do not fit the model's context, on which nothing was trained.

    Raises:
        UserError: see `write_dataset`.
    """
    iteration = Artefacts(store, number)
    examples = iteration.rows("train", Example)
    log = next(iter(iteration.rows("adapter/training")))
    too_long, recipe = set(log["too_long"]), recipe_of(store, iteration)
    order = training_order(recipe, number, log["examples"]) if recipe else ()
    learned, place = Counter(chain.from_iterable(order)), 0  # among the examples that fit the context
    conditions: dict[int, Conditions] = {}
    with Attempts(store, (example.attempt_id for example in examples)) as attempts:
        for example in examples:
            address, fits = parse_id(example.attempt_id), example.attempt_id not in too_long
            made = address.iteration if address.is_sampled else number
            if made not in conditions:
                conditions[made] = Conditions(store, made)
            times = (learned[place] if fits else 0) if recipe else None
            if fits or with_too_long:
                yield to_row(example, attempts.get(example.attempt_id), conditions[made], times)
            place += fits
