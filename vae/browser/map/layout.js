/** Where the map's parts stand on the page. */
import { element } from "../lib/dom.js"
import { FEW } from "./layers.js"

/** The chart, which takes the keyboard. */
export function chartOf({ plot, over, top }, compact) {
  return element("div", {
    class: "chart", tabindex: 0, role: "application", dataset: { control: "chart" },
    "aria-label": `Latent map. Arrow keys move the point, plus and minus zoom, 0 shows all${compact ? "" : ", Escape drops the selection"}.`,
  }, plot, over, top)
}

/** The sentences around the chart. */
export function notes() {
  return {
    title: element("h3", { class: "ll-title" }),
    slice: element("p", { class: "ll-note" }),
    origin: element("p", { class: "ll-note" }),
    hint: element("p", { class: "ll-note", hidden: true }, `Zoom in to see the images themselves, where at most ${FEW} are in view.`),
    missing: element("p", { class: "ll-note" }),
  }
}

/** Without controls, cards and the images themselves. */
export function compactLayout({ chart, message, card, tools, labels, title, slice, save }) {
  return element(
    "section", { class: "ll-card panel compact", "aria-label": "Latent map" },
    element("div", { class: "body" }, element("div", { class: "ll-head" }, title, save), stage(chart, tools, message, card), labels.node, slice),
  )
}

/** The plot, as high as the window, and beside it a column with the card of what is pointed at and all else that can be done. */
export function fullLayout({ chart, message, card, tools, labels, title, slice, origin, hint, missing, job, bar, panel, pinned, find, ranges, save }) {
  return element(
    "div", { class: "map-page" },
    element(
      "section", { class: "ll-card panel plotted", "aria-label": "Latent map" },
      element("div", { class: "head" }, title, tools.fields, save, tools.full), job.node,
      stage(chart, tools, message),
      element("div", { class: "foot" },
        element("p", { class: "ll-note keys" }, "Hover: decode. Click: pin an image. Wheel: zoom; drag: move; Shift and drag: select."),
        slice, hint, origin, missing),
    ),
    element(
      "div", { class: "side", role: "group", "aria-label": "What is pointed at, found, filtered and selected" },
      element("section", { class: "ll-card", "aria-label": "Under the pointer" }, card.node),
      element("section", { class: "ll-card told" }, labels.node, bar.node, find.node, pinned.node, panel.node, ranges.node),
    ),
  )
}

function stage(chart, tools, message, card = null) {
  return element("div", { class: "stage" }, chart, tools.buttons, message.node, card?.node)
}
