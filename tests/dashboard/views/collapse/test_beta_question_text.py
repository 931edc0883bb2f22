"""The question about units, as a link says it."""

from __future__ import annotations

import pytest

from dashboard.views.collapse.beta_question_text import (
    DIVERGENCES,
    ERRORS,
    RECONSTRUCTIONS,
    Question,
    parse,
    write,
)


@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS)
@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("error", ERRORS)
def test_a_link_brings_back_the_question(reconstruction: str, divergence: str, error: str) -> None:
    asked = Question(0.25, 3072, 128, reconstruction, divergence, error, 0.1)
    assert parse(write(asked)) == asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,784,16",
        "1,784,16,mean,sum,nats,0,9",
        "-1,784,16,mean,sum,nats,0",
        "nan,784,16,mean,sum,nats,0",
        "1,0,16,mean,sum,nats,0",
        "1,784,1.5,mean,sum,nats,0",
        "1,784,16,median,sum,nats,0",
        "1,784,16,mean,sum,metres,0",
        "1,784,16,mean,sum,nats,inf",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)
