/** Where the map's parts stand on the page. */
import { element } from "../lib/dom.js"
import { FEW } from "./layers.js"

/** The chart, which takes the keyboard. */
export function chartOf({ plot, over, top }, compact) {
  return element("div", {
    class: "chart", tabindex: 0, role: "application",
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
export function compactLayout({ chart, message, card, tools, labels, title, slice }) {
  return element(
    "section", { class: "ll-card panel compact", "aria-label": "Latent map" }, title, stage(chart, tools, message, card), labels.node, slice,
  )
}

export function fullLayout({ chart, message, card, tools, labels, title, slice, origin, hint, missing, job, bar, panel, pinned }) {
  return element(
    "section", { class: "ll-card panel", "aria-label": "Latent map" },
    element("div", { class: "ll-row head" }, title, tools.fields), job.node, labels.node, bar.node, tools.layerRow,
    stage(chart, tools, message, card),
    panel.node, pinned.node,
    element("div", { class: "foot" },
      element("p", { class: "ll-note" }, "Hover to decode a point. Click to pin an image, or to move the sliders there. Wheel: zoom; drag: move; Shift and drag: select."),
      slice, hint, origin, missing),
  )
}

function stage(chart, tools, message, card) {
  return element("div", { class: "stage" }, chart, tools.buttons, message.node, card.node)
}
