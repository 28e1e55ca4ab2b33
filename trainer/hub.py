"""A finished adapter on the Hugging Face hub: the one place that imports `huggingface_hub`.

It stands beside the command line, which alone asks for it, and not in `trainer.job`: a training ends with its folder,
and whoever calls it from Python decides what becomes of that. The token is the library's own (`hf auth login`,
`HF_TOKEN`) and no part of any configuration, because configurations are written into what is published.
"""

from pathlib import Path
from typing import Any

from harness.errors import MissingDependency, RunError, T2SError, UsageError

try:
    import huggingface_hub
    from huggingface_hub.constants import HF_HUB_OFFLINE
    from huggingface_hub.utils import HFValidationError, validate_repo_id
except ImportError as error:
    raise MissingDependency(
        f"--push: {error.name} is not installed; install the training stack: pip install 'text2sql-harness[train]'"
    ) from error

__all__ = ["PUBLISHED", "check_target", "push"]

PUBLISHED = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "README.md",
    "training.json",
    "log.jsonl",
    "eda.json",
)
"""What leaves this machine. Checkpoints hold the optimizer; anything else in the folder is its owner's."""
NEEDED = PUBLISHED[:4]
"""Without these there is no adapter to be published."""
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"
REFUSALS = {
    401: f"the hub does not know the token: {LOG_IN}",
    403: f"the token may not write there: name a repository of your own, or {LOG_IN}",
}


def check_target(repository: str) -> None:
    """Raise `UsageError` for what can be known to fail before anything is trained; the hub is not asked yet."""
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UsageError(f"--push {repository}: {_first_line(error)}; give it as ORG/NAME") from error
    if repository.count("/") != 1:
        raise UsageError(f"--push {repository}: names no owner; give it as ORG/NAME")
    if HF_HUB_OFFLINE:
        raise UsageError(f"--push {repository}: HF_HUB_OFFLINE is set, so that nothing can be uploaded; unset it")
    _token(repository)


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Upload the adapter in `folder`, and return where it is; the repository is made where it is missing.

    What the hub has already is not sent again. Files of the same name that are there are
    replaced. Raises `UsageError` without a token, or where `private` is asked for and a public repository is there;
    `RunError` when the folder is not whole, and when the upload breaks or is refused. The folder stays as it is.
    """
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise RunError(f"--push {repository}: {folder} lacks {', '.join(missing)}; train it again with another --out")
    hub = huggingface_hub.HfApi(token=_token(repository))
    try:
        _upload(hub, folder, repository, private=private)
    except T2SError:
        raise
    except Exception as error:  # what httpx and the hub's protocols raise has no common root
        raise RunError(
            f"--push {repository}: the upload failed: {_reason(error)}; the adapter in {folder} is finished and stays, "
            "and the same command uploads it without training again"
        ) from error
    return f"{hub.endpoint}/{repository}"


def _upload(hub: Any, folder: Path, repository: str, *, private: bool) -> None:
    # Without --private the owner's own default holds, which may be private too.
    hub.create_repo(repository, private=private or None, exist_ok=True)
    if private and not hub.model_info(repository).private:
        raise UsageError(
            f"--push {repository}: is there already and public, and --private changes no repository that is there; "
            "make it private on the hub, or choose another name"
        )
    hub.upload_folder(
        repo_id=repository,
        folder_path=folder,
        allow_patterns=list(PUBLISHED),
        commit_message="Adapter trained with text2sql-harness",
    )


def _token(repository: str) -> str:
    try:
        token: str | None = huggingface_hub.get_token()
    except Exception as error:  # it may be fetched, and each source has errors of its own
        raise UsageError(f"--push {repository}: no token can be had: {_first_line(error)}; {LOG_IN}") from error
    if not token:
        raise UsageError(f"--push {repository}: there is no token for the Hugging Face hub; {LOG_IN}")
    return token


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    said = getattr(error, "server_message", None) or _first_line(error)
    return f"{said}; {REFUSALS[status]}" if status in REFUSALS else said


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
