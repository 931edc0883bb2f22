"""The button that downloads a run as code: one file that trains its configuration with torch alone."""

from __future__ import annotations

import io
import zipfile

import streamlit as st

from dashboard.cache import datasets
from dashboard.look.markdown import plain
from vae.errors import UserError
from vae.runs.run import Run
from vae.storage.scratch import scratch

#: Bytes of images that a download brings along at most.
MOST_BYTES = 256 << 20


def parts(run: Run) -> dict[str, str]:
    """The script in parts.

    Raises:
        UserError: If the code of a part is not known.
    """
    from vae.training.training_script import script_parts

    return script_parts(run.config, run.info, images_file=f"{run.id}.bin")


def script(run: Run) -> str:
    """The script.

    Raises:
        UserError: If the code of a part is not known.
    """
    from vae.training.training_script import training_script

    return training_script(run.config, run.info, images_file=f"{run.id}.bin")


def offer(run: Run) -> None:
    """Draw the button; where there is no script it says why."""
    try:
        text, why = script(run), _why_not(run)
    except UserError as error:
        text, why = "", str(error)
    packed = _needs_images(run)
    words = f"{len(text.splitlines())} lines that train this configuration with torch alone."
    st.download_button(
        "Code",
        (lambda: packed_script(run)) if packed and not why else text,
        file_name=f"{run.id}-code.zip" if packed else f"{run.id}.py",
        mime="application/zip" if packed else "text/x-python",
        icon=":material/code:",
        on_click="ignore",
        disabled=bool(why),
        help=plain(why) if why else words + (" A zip, with the images that it trains on." if packed else ""),
        key=f"script:{run.id}",
    )


def packed_script(run: Run) -> bytes:
    """The script and its images, as a zip file.

    Raises:
        UserError: If there is no script, or its images are not there.
    """
    from vae.training.script_file import write_script

    with scratch() as folder:
        written = write_script(run, folder / f"{run.id}.py")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in written.files:
                archive.write(file, file.name)
        return content.getvalue()


def _needs_images(run: Run) -> bool:
    from vae.training.training_script import needs_images_file

    return needs_images_file(run.config)


def _why_not(run: Run) -> str:
    if not _needs_images(run):
        return ""
    if missing := datasets.missing_images(run):
        return f"The script needs the images beside it. {missing}"
    if run.info.num_train * run.info.num_pixels > MOST_BYTES:
        return (
            f"The script needs {run.info.num_train:,} images beside it; write both with "
            f"vae export {run.id} --code {run.id}.py"
        )
    return ""
