"""The training data of an iteration as a data set: parquet that `datasets.load_dataset` reads, and a card.

Rows go through one batch at a time. The same run gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from star.audit.provenance import Conditions, parse_id, recipe_of
from star.cards.dataset import Counts, dataset_card
from star.export.join import Attempts
from star.export.rows import features, to_row
from star.order import training_order
from star.records import Example
from star.store import Artefacts, Store

FILE = "data/train-00000-of-00001.parquet"
ROWS = 1000
"""In a row group of the file, and in memory at once."""

Row = dict[str, Any]


def write_dataset(store: Store, number: int, folder: Path) -> int:
    """Write what iteration `number` was trained on into `folder`; returns how many rows there are.

    Raises:
        UserError: a file of the run is not what was written, or an attempt is missing.
    """
    import pyarrow as pa
    from pyarrow import parquet

    declared, counts = features(), Counts()
    schema = declared.arrow_schema
    (folder / FILE).parent.mkdir()
    rows = dataset_rows(store, number)
    with parquet.ParquetWriter(folder / FILE, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS)):
            for row in batch:
                counts.add(row)
            writer.write_table(pa.Table.from_pylist(batch, schema=schema), row_group_size=ROWS)
    card = dataset_card(Artefacts(store, number), store.recipe, counts)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return counts.rows


def dataset_rows(store: Store, number: int) -> Iterator[Row]:
    """The rows of the data set, in the order of the training data.

    Raises:
        UserError: see `write_dataset`.
    """
    iteration = Artefacts(store, number)
    examples = iteration.rows("train", Example.from_dict)
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
            yield to_row(example, attempts.get(example.attempt_id), conditions[made], times)
            place += fits
