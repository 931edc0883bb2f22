"""The Generate page, without a browser."""

from __future__ import annotations

import json

import pytest
import torch

from dashboard.views.generate import images, parts
from tests.support.pages_without_browser import Put, button, page, sentences
from vae.diagnostics.label_leakage import label_leak
from vae.latent.aggregate_posterior import prior_gap
from vae.latent.embedding import kept_embedding
from vae.latent.generation import every_class, fit_mixture
from vae.runs.run import Run
from vae.runs.snapshots import load_model

pytestmark = pytest.mark.usefixtures("empty_runs")


class TestGenerate:
    def test_seed_temperature_and_number_come_from_the_link(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", seed="7", temperature="0.5", num="9")
        assert {slider.label: slider.value for slider in at.slider} == {"Images": 9, "Temperature": 0.5}
        assert at.number_input[0].value == 7
        button(at, "Sample again").click().run()
        assert at.query_params["seed"] == "8"

    def test_run_without_labels_offers_no_class(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", y="3")
        (modes,) = at.segmented_control
        assert modes.options == ["Samples", "Prior and posterior", "Label leak"]
        assert any("is unconditional" in caption.value for caption in at.caption)

    @pytest.mark.parametrize("mode", ["samples", "styles", "transfer", "mix", "leak"])
    def test_every_mode_of_a_conditional_run_is_drawn_and_in_the_link(
        self, conditional: Run, mode: str
    ) -> None:
        at = page("generate", run=conditional.id, mode=mode)
        assert sentences(at) == []
        assert at.query_params["mode"] == mode
        settings_of = {
            "samples": {"num": "36", "temperature": "1", "seed": "0", "y": "0"},
            "styles": {"rows": "5", "temperature": "1", "seed": "0"},
            "transfer": {"from": "image", "image": "0"},
            "mix": {"y": "0", "to": "1", "from": "seed", "temperature": "1", "seed": "0"},
            "leak": {},
        }
        assert dict(at.query_params) == {"run": conditional.id, "mode": mode, **settings_of[mode]}

    def test_leak_probe_shows_the_librarys_numbers(self, conditional: Run) -> None:
        embedding = kept_embedding(conditional)
        assert embedding is not None
        found = label_leak(embedding)
        at = page("generate", run=conditional.id, mode="leak")
        assert [metric.value for metric in at.metric] == [
            f"{found.accuracy:.1%} ± {found.standard_error:.1%}",
            f"{found.chance:.1%}",
            "180",
        ]
        said = [text.value.replace("\\", "") for text in at.markdown]
        assert f"**{found.verdict(conditional=True)}**" in said

    def test_gap_between_prior_and_posterior_is_the_librarys(self, put: Put) -> None:
        run = put("good")
        at = page("generate", run="good", mode="compare", components="2", limit="0.5", rows="3")
        assert sentences(at) == []
        embedding = kept_embedding(run)
        assert embedding is not None
        found = prior_gap(embedding, fit_mixture(embedding, (2,)))
        for metric, of in zip(at.metric, (found.prior_to_aggregate, found.aggregate_to_prior), strict=False):
            assert metric.value == f"{of.mean:.2f} ± {of.standard_error:.2f}"
        assert found.misfit is not None
        words = " ".join(caption.value.replace("\\", "") for caption in at.caption)
        assert (
            f"aggregate posterior by KL {found.misfit.mean:.2f} ± {found.misfit.standard_error:.2f} nats"
            in words
        )
        assert at.query_params["components"] == "2"
        captions = [caption.value.replace("\\", "") for caption in at.caption]
        assert any("the prior, cut off at ±0.5 in every coordinate" in words for words in captions)
        grids = [html.proto.body.count("<img") for html in at.get("html")]
        assert [num for num in grids if num] == [9, 9, 9, 1, 1, 1]

    def test_mode_that_the_run_cannot_have_is_told_and_samples_are_shown(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", mode="styles")
        assert sentences(at) == ["“Style × class” needs a conditional run; samples are shown instead."]
        assert at.query_params["mode"] == "samples"

    @pytest.mark.parametrize(
        ("mode", "name", "text", "default"),
        [
            ("samples", "mode", "video", "samples"),
            ("styles", "rows", "11", "5"),
            ("transfer", "image", "359", "0"),
            ("transfer", "from", "<b>", "image"),
            ("mix", "to", "10", "1"),
        ],
    )
    def test_bad_value_is_told_and_the_default_is_shown(
        self, conditional: Run, mode: str, name: str, text: str, default: str
    ) -> None:
        at = page("generate", **{"run": conditional.id, "mode": mode, name: text})
        (sentence,) = sentences(at)
        assert sentence.startswith(f"The link's {name} must be ")
        assert at.query_params[name] == default

    def test_point_of_explore_is_offered_where_there_is_one(self, conditional: Run) -> None:
        at = page("generate", run=conditional.id, mode="transfer", z="1,-1", **{"from": "point"})
        assert sentences(at) == []
        shown = "".join(html.proto.body for html in at.get("html"))
        model, z = load_model(conditional), torch.tensor([[1.0, -1.0]])
        for image in every_class(model, z)[0].numpy():
            assert images.address(image) in shown
        assert at.query_params["from"] == "point"
        at = page("generate", run=conditional.id, mode="transfer", **{"from": "point"})
        assert any("no drawing and no point yet" in info.value for info in at.info)
        assert "Open Explore" in [button.label for button in at.button]
        assert "z from" not in [
            control.label for control in page("generate", run=conditional.id, mode="mix").segmented_control
        ]

    def test_drawing_of_explore_is_the_usual_source_of_a_style_transfer_and_stands_beside_it(
        self, conditional: Run
    ) -> None:
        query = {"z": "1,-1", "posterior": "drawing", "drawing": "AQQXmgFmzAEA"}
        at = page("generate", run=conditional.id, mode="transfer", **query)
        assert sentences(at) == []
        assert at.query_params["from"] == "point"
        assert {name: at.query_params[name] for name in query} == query
        shown = "".join(html.proto.body for html in at.get("html"))
        assert 'alt="Your drawing"' in shown
        assert any("the posterior of your drawing" in caption.value for caption in at.caption)
        at = page("generate", run=conditional.id, mode="transfer", **query, **{"from": "image"})
        assert at.query_params["from"] == "image"

    def test_drawing_is_not_encoded_anew_by_other_weights_and_the_page_says_so(
        self, put: Put, conditional: Run
    ) -> None:
        assert parts.whose(conditional) == "", "there are no other weights"
        assert "the time machine here changes only the decoder" in parts.whose(put("good"))

    def test_originals_that_are_not_here_are_told_and_the_rest_is_shown(self, conditional: Run) -> None:
        values = json.loads((conditional.path / "config.json").read_text())
        values["info"]["fingerprint"] = "0" * 16
        (conditional.path / "config.json").write_text(json.dumps(values))
        at = page("generate", run=conditional.id, mode="transfer", image="5")
        assert sentences(at) == []
        assert any("Images not available" in caption.value for caption in at.caption)
        shown = "".join(html.proto.body for html in at.get("html"))
        assert shown.count("<img") == 8 + 10
