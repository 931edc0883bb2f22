"""Why a latent space is as it is: what is measured of it, the rules, and the verdict with its evidence and remedies.

`diagnose` stands on top; the rules import the plain data of `diagnosis` alone. May import `evaluation` and below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.diagnostics.diagnosis import Diagnosis
    from vae.diagnostics.findings import Evidence, Verdict
    from vae.diagnostics.label_leakage import Leak, label_leak
    from vae.diagnostics.mutual_information import Information, information

__all__ = ["Diagnosis", "Evidence", "Information", "Leak", "Verdict", "information", "label_leak"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "diagnosis": ["Diagnosis"],
        "findings": ["Evidence", "Verdict"],
        "label_leakage": ["Leak", "label_leak"],
        "mutual_information": ["Information", "information"],
    },
)
