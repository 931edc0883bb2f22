"""Share: the selected run as a site without a server, made beside the page and then downloaded."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from dashboard import settings
from dashboard.cache import datasets, models
from dashboard.jobs.queue import Progress, background
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.server import exports
from dashboard.shell.job_progress import follow
from vae.errors import UserError
from vae.runs.run import Run
from vae.storage.scratch import scratch, working_folder

#: Megabytes of a site: by itself, and at most.
USUAL_MB, MOST_MB = 25, 200
#: What was asked for last in this session, and the key of its job.
_ASKED = "runs-share-asked"
_AS = {"file": "One HTML file", "folder": "Folder, as a zip"}
#: A link that looks as a main button does.
_DOWNLOAD = """<a href="./api/exports/{token}" download style="display: inline-block; padding: 0.5rem 0.75rem;
border-radius: 0.5rem; background: var(--st-primary-color, #4F46E5); color: #FFFFFF; text-decoration: none">
Download {size:.1f} MB</a>"""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        single_file: One HTML file instead of a folder.
        with_images: Whether the test images go along.
        licence: What the site says of them.
        max_mb: Most megabytes.
    """

    single_file: bool
    with_images: bool
    licence: str
    max_mb: int


def switch(run: Run) -> None:
    """The button that opens what is to be said before a run is shared."""
    if st.button("Share", icon=":material/share:", disabled=not _has_weights(run), key="runs-share"):
        is_open = st.session_state.get(session.SHARED) == run.id
        st.session_state[session.SHARED] = None if is_open else run.id


def section(run: Run) -> None:
    """What goes along, how far it is, and the download."""
    if st.session_state.get(session.SHARED) != run.id or not _has_weights(run):
        return
    with st.container(key=f"runs-share-form:{run.id}"):
        st.caption(
            "A site that anyone opens without a server: sliders, map, samples, time machine and diagnosis work in the "
            "visitor's browser."
        )
        wanted = _form(run)
        now = _key(run, wanted)
        # The run may train on: what was asked for is followed to its end, and can be fetched.
        asked = st.session_state.get(_ASKED, ("", ""))
        key = asked[1] if asked[0] == _choice(run, wanted) else now
        job = background.get(key)
        if job is not None and job.is_open:
            follow(key)
            return
        made = exports.find(key)
        if made is not None:
            download(made.token, made.size)
            for sentence in made.notes:
                st.caption(plain(f"Left out: {sentence}"))
            if key == now:
                return
            st.caption("The run has changed since.")
        elif job is not None and job.state == "failed":
            st.error(plain(job.error))
        if st.button("Make the site", type="primary", key=f"runs-share-make:{run.id}"):
            st.session_state[_ASKED] = (_choice(run, wanted), now)
            background.start(now, lambda progress: _make(now, run, wanted, progress))
            st.rerun()


def download(token: str, size: int) -> None:
    """The link to a file that lies ready: Streamlit's own button would hold all of it in memory."""
    st.html(_DOWNLOAD.format(token=token, size=size / 1e6))


def _has_weights(run: Run) -> bool:
    return bool(models.stamp(run, "best"))


def _form(run: Run) -> Wanted:
    kind = st.segmented_control(
        "As",
        list(_AS),
        format_func=_AS.__getitem__,
        default="file",
        required=True,
        key=f"runs-share-as:{run.id}",
    )
    missing = datasets.missing_images(run)
    with_images = st.checkbox(
        "Include the test images",
        disabled=bool(missing),
        help=plain(missing)
        if missing
        else "Without them, no image of the dataset is in the site. Include them only if their licence allows it.",
        key=f"runs-share-images:{run.id}",
    )
    licence = ""
    if with_images and not missing:
        licence = st.text_input(
            "Licence of the images",
            max_chars=200,
            placeholder="CC BY 4.0",
            key=f"runs-share-licence:{run.id}",
        )
        if not licence.strip():
            st.caption("The site will say that no licence was given.")
    most = st.number_input(
        "At most, MB",
        1,
        MOST_MB,
        USUAL_MB,
        help="Snapshots that do not fit are left out.",
        key=f"runs-share-most:{run.id}",
    )
    return Wanted(kind == "file", with_images and not missing, licence.strip(), int(most))


def _choice(run: Run, wanted: Wanted) -> str:
    return f"{run.path}:{wanted}"


def _key(run: Run, wanted: Wanted) -> str:
    return f"share:{run.path}:{models.stamp(run, 'best')}:{run.name}:{run.status().step}:{wanted}"


def _make(key: str, run: Run, wanted: Wanted, progress: Progress) -> None:
    from vae.browser.share import share

    root = settings.runs_root()
    with working_folder(root, ".latent-lab-share.") if root.is_dir() else scratch() as folder:
        target = folder / ("site.html" if wanted.single_file else "site")
        try:
            found = share(
                [run],
                target,
                single_file=wanted.single_file,
                with_images=wanted.with_images,
                licence=wanted.licence,
                max_mb=wanted.max_mb,
                progress=lambda _, done, total: progress(done, total),
            )
            name = f"{run.id}-site.{'html' if wanted.single_file else 'zip'}"
            exports.keep(name, lambda file: _write(found.path, file), key=key, notes=found.left_out)
        except OSError as error:
            from vae.storage.atomic import disk_sentence

            raise UserError(disk_sentence(error)) from None


def _write(site: Path, file: BinaryIO) -> None:
    if site.is_file():
        with site.open("rb") as source:
            shutil.copyfileobj(source, file)
        return
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(site.rglob("*")):
            if path.is_file():
                archive.write(path, f"site/{path.relative_to(site).as_posix()}")
