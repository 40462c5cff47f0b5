"""Upload an iteration to the hub: adapter and model card as a model, its training data and their card as a data set.

Only what `star push` is asked to, and private unless it is asked otherwise. The hub is talked to by huggingface_hub,
which knows who is logged in (`hf auth login`, or HF_TOKEN) and where the hub is (HF_ENDPOINT).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from star.audit.provenance import recipe_of
from star.cards.render import base_name
from star.errors import UserError, reason, shown
from star.export import chosen
from star.export.dataset import write_dataset
from star.export.formats import HERE, on_hub
from star.export.model import write_adapter
from star.files import read_json, to_json
from star.store import Artefacts, Store

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PLACEHOLDER = '"this-folder"'
"""Of cards, for where the files are."""


@dataclass(frozen=True)
class Upload:
    """A folder, and the repository that gets it: `kind` is `model` or `dataset`."""

    kind: str
    repo: str
    folder: Path

    @property
    def files(self) -> dict[str, Path]:
        """Path in the repository and path here, of every file."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in paths}

    @property
    def url(self) -> str:
        """Where people find it."""
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/{'datasets/' if self.kind == 'dataset' else ''}{self.repo}"

    def lines(self) -> Iterator[str]:
        """What will be uploaded, for people."""
        yield f"{self.kind} {self.url}"
        for name, path in self.files.items():
            yield f"  {name}  {path.stat().st_size:,} bytes"


def push(
    run: Path,
    repo: str,
    number: int | None = None,
    *,
    dataset_repo: str | None = None,
    with_dataset: bool = True,
    format: str | None = None,
    public: bool = False,
    dry_run: bool = False,
) -> Iterator[str]:
    """Say what goes where, then upload it; each line when it is so.

    Args:
        repo: OWNER/NAME of the model, and of the data set if `dataset_repo` is `None`. With `method: curate` there is
            no model.
        number: which iteration; the last finished one when `None`.
        format: of the data set, as `star export --format`.
        dry_run: nothing is uploaded, and no repository asked for; the files are made as by `star export`, which may
            read tokenizer or problems from the hub.

    Raises:
        UserError: no such run or iteration, a bad name, no token or one that may not do this, a repository that is
            there and is seen by others than was asked for, or a hub that does not answer.
    """
    store = Store.existing(run)
    is_curated = store.recipe.method == "curate"  # which has no adapter
    number = chosen(store, number, "train.jsonl" if is_curated else "adapter")
    if is_curated and not with_dataset:
        raise UserError(f"--no-dataset: {run} has nothing but a data set (method: curate)")
    repos = ({} if is_curated else {"model": repo}) | ({"dataset": dataset_repo or repo} if with_dataset else {})
    for kind, name in repos.items():
        _require_name("--repo" if kind == "model" or dataset_repo is None else "--dataset-repo", name)
    with TemporaryDirectory() as temporary:
        uploads = [Upload(kind, name, Path(temporary) / kind) for kind, name in repos.items()]
        for upload in uploads:
            upload.folder.mkdir()
            _fill(upload, store, number, format)
        yield f"iteration {number} of {run}, to be uploaded ({'public' if public else 'private'}):"
        for upload in uploads:
            yield from upload.lines()
        if dry_run:
            yield "nothing was uploaded (--dry-run)"
            return
        yield from _upload(uploads, public, f"Iteration {number} of {store.recipe.name}")


def _require_name(option: str, name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
        if "/" not in name:
            raise HFValidationError("the owner is missing, a user or an organization")
    except HFValidationError as error:
        raise UserError(f"{option} {shown(name)}: should be OWNER/NAME: {reason(error)}") from None


def _fill(upload: Upload, store: Store, number: int, format: str | None) -> None:
    """Write what `star export` does, but for places that mean nothing elsewhere."""
    if upload.kind == "dataset":
        write_dataset(store, number, upload.folder, format)
    else:
        write_adapter(store, number, upload.folder)
        _name_base(upload.folder / "adapter_config.json", store, number)
    card = upload.folder / "README.md"
    text = card.read_text(encoding="utf-8").replace(PLACEHOLDER, json.dumps(upload.repo))
    card.write_text(text.replace(HERE, on_hub(upload.repo)), encoding="utf-8")


def _name_base(config: Path, store: Store, number: int) -> None:
    """Have the adapter name its base model as its card does, not by a folder of this machine."""
    iteration, found = Artefacts(store, number), read_json(config)
    name = base_name(recipe_of(store, iteration) or store.recipe, iteration.facts["base_model"])[0]
    if found["base_model_name_or_path"] != name:
        config.write_text(to_json(found | {"base_model_name_or_path": name}), encoding="utf-8")


def _upload(uploads: list[Upload], public: bool, message: str) -> Iterator[str]:
    from huggingface_hub import HfApi, constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise UserError("HF_HUB_OFFLINE is set, and uploading needs the hub: unset it, or use --dry-run")
    if get_token() is None:
        raise UserError("nobody is logged in to the hub: hf auth login, or set HF_TOKEN to a token that may write")
    api = HfApi()
    there = {upload: _files_there(api, upload, public) for upload in uploads}  # before anything is changed
    for upload in uploads:
        if there[upload] is None:
            with _told(upload):
                api.create_repo(upload.repo, repo_type=upload.kind, private=not public)
        with _told(upload):
            _commit(api, upload, there[upload] or [], message)
        yield f"uploaded: {upload.url}"


def _files_there(api: HfApi, upload: Upload, public: bool) -> list[str] | None:
    """The files that the repository has; `None` if it is not there.

    Raises:
        UserError: more people see it than was asked for, or fewer.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    with _told(upload):
        try:
            info = api.repo_info(upload.repo, repo_type=upload.kind)
        except RepositoryNotFoundError as error:
            if error.response.status_code == 401:  # so says the hub to who has a token that it does not know
                raise
            return None
    if bool(info.private) == public:
        is_now, remedy = ("private", "leave out --public") if public else ("public", "give --public")
        raise UserError(
            f"{upload.url} is there already and is {is_now}: {remedy}, take another name, or change it in its settings"
        )
    return [file.rfilename for file in info.siblings or ()]


def _commit(api: HfApi, upload: Upload, there: list[str], message: str) -> None:
    """Make the repository hold these files, in one commit. Of others only data are removed, so that they do not mix."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    files = upload.files
    old = [name for name in there if name.startswith("data/") and name not in files and upload.kind == "dataset"]
    operations: list[Any] = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
    operations += [CommitOperationDelete(name) for name in old]
    api.create_commit(upload.repo, operations, commit_message=message, repo_type=upload.kind)


@contextmanager
def _told(upload: Upload) -> Iterator[None]:
    """What goes wrong with the hub, said for people."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        said = {
            401: "the hub does not accept the token: hf auth login, or set HF_TOKEN to one that may write",
            403: f"the token may not write there: take one that may write for {upload.repo.partition('/')[0]}",
            409: "the hub says that it is there already, and does not show it to this token: take another name",
        }.get(error.response.status_code, "the hub refuses")
        raise UserError(f"{upload.url}: {said} ({reason(error)})") from error
    except Exception as error:  # the client raises many kinds: no network, no time left, a card that is refused
        raise UserError(f"{upload.url}: not uploaded: {reason(error)}; the same command begins again") from error
