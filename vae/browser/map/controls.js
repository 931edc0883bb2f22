/** The row of controls above the map, and the few that lie over its plot. */
import { radioGroup } from "../lib/choices.js"
import { element, number, say } from "../lib/dom.js"
import { icon } from "../lib/saving.js"
import { LAYERS } from "./layers.js"

/** The tiles of the decoded plane. */
const TILES = [["even", "Even"], ["quantiles", "Prior quantiles"]]
/** What a lasso does to what is selected. */
const LASSOS = { 0: "New", 1: "Add", "-1": "Subtract" }
const TRUST = "Trustworthiness: whether the neighbours of a point in this plane are its neighbours in the latent space. 1 is best"

/**
 * @param {{colour: (value: string) => void, projection: (value: string) => void, layer: (name: string, on: boolean) => void,
 *   tiles: (value: string) => void, opacity: (value: number, done: boolean) => void, lasso: (on: boolean, does?: number) => void,
 *   reset: () => void, fit: () => void, full: () => void}} heard
 */
export function controls(heard) {
  const colour = element("select", { class: "ll-select", dataset: { control: "colour" }, onchange: () => heard.colour(colour.value) })
  const projection = element("select", { class: "ll-select", dataset: { control: "projection" }, onchange: () => heard.projection(projection.value) })
  const trust = element("span", { class: "ll-note trust", hidden: true })
  const plane = element("label", { class: "field plane" }, element("span", {}, "Plane"), projection)
  const planes = element("div", { class: "field planes" }, plane, trust)
  const lasso = element("button", {
    class: "ll-button", type: "button", "aria-pressed": "false", dataset: { action: "lasso" },
    title: "Draw around images to select them (Shift and drag adds, Alt and drag subtracts)",
    onclick: () => heard.lasso(lasso.getAttribute("aria-pressed") !== "true"),
  }, "Lasso")
  const does = radioGroup("What the lasso does", LASSOS, (value) => heard.lasso(true, Number(value)), { class: "does", control: "lasso-mode" })
  does.node.hidden = true
  const reset = element("button", {
    class: "ll-button", type: "button", hidden: true, dataset: { action: "reset-view" }, title: "All images in view (key 0)", onclick: () => heard.reset(),
  }, "Reset view")
  const fit = element("button", {
    class: "ll-button", type: "button", hidden: true, dataset: { action: "fit-points" }, title: "The points take far less room than the prior", onclick: () => heard.fit(),
  }, "Zoom to points")
  const chips = new Map(LAYERS.map(([name, title, words]) => [name, element("button", {
    class: "chip", type: "button", "aria-pressed": "false", title: words, dataset: { layer: name, control: "layers" },
    onclick: () => heard.layer(name, chips.get(name).getAttribute("aria-pressed") !== "true"),
  }, title)]))
  const tiles = element(
    "select", { class: "ll-select", dataset: { control: "tiles" }, title: "Even: tiles of one size. Prior quantiles: each column and row is equally probable under the prior.", onchange: () => heard.tiles(tiles.value) },
    ...TILES.map(([value, title]) => element("option", { value }, title)))
  const tiling = element("label", { class: "field tiling", hidden: true }, element("span", {}, "Tiles"), tiles)
  const strength = element("input", {
    class: "ll-range", type: "range", min: 0.05, max: 1, step: 0.05, dataset: { control: "opacity" }, "aria-label": "Opacity of the points",
    oninput: () => heard.opacity(strength.valueAsNumber, false), onchange: () => heard.opacity(strength.valueAsNumber, true),
  })
  const opacity = element("label", { class: "field opacity" }, element("span", {}, "Points"), element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), strength))
  const num = element("span", { class: "ll-note" })
  const body = element("div", { class: "menu-body layers", role: "group", "aria-label": "Layers", hidden: true }, ...chips.values(), opacity, tiling)
  const opener = element("button", { class: "ll-button", type: "button", "aria-expanded": "false", "aria-label": "Layers", dataset: { action: "layers" }, onclick: () => open(body.hidden) }, "Layers ", num)
  const layers = element("div", { class: "menu" }, opener, body)
  // A press elsewhere, or Escape, closes it.
  function open(yes) {
    body.hidden = !yes
    opener.setAttribute("aria-expanded", String(yes))
    document[yes ? "addEventListener" : "removeEventListener"]("pointerdown", outside, true)
  }
  const outside = (event) => { if (!event.composedPath().includes(layers)) open(false) }
  layers.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || body.hidden) return
    open(false)
    opener.focus()
    event.stopPropagation()
  })
  const full = element("button", {
    class: "ll-button ll-icon", type: "button", dataset: { action: "full-screen" }, "aria-label": "Full screen", title: "Full screen", onclick: () => heard.full(),
  })
  full.append(icon("M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"))

  function fill(select, options, value) {
    select.replaceChildren(...options.map((option) => element("option", { value: option.value, selected: option.value === value }, option.title)))
  }

  return {
    fields: element("div", { class: "ll-row fields" }, planes, element("label", { class: "field" }, element("span", {}, "Colour"), colour), layers),
    full,
    buttons: element("div", { class: "plot-tools" }, reset, fit, does.node, lasso),
    reset,
    fit,
    /** @param {number | null} now What the lasso does that is to be drawn; null for none. */
    lasso(now) {
      lasso.setAttribute("aria-pressed", String(now !== null))
      does.node.hidden = now === null
      if (now !== null) does.value = String(now)
    },
    colours(options, value) {
      fill(colour, options, value)
    },
    /** Methods that place the points; where there is nothing to choose, none are shown. */
    projections(options, value) {
      plane.hidden = options.length < 2
      fill(projection, options, value)
    },
    /** @param {{value: number, num_points: number, num_neighbours: number} | null} found How far the plane can be trusted. */
    trusted(found) {
      trust.hidden = !found
      if (!found) return
      say(trust, `trust ${number(found.value)}`)
      trust.title = `${TRUST}. Over ${found.num_neighbours} neighbours of ${found.num_points.toLocaleString("en")} images.`
      trust.setAttribute("aria-label", `Trustworthiness of this plane: ${number(found.value)}`)
      trust.dataset.trust = String(found.value)
    },
    /** How strongly the points show. */
    opacity(value) {
      if (Math.abs(strength.valueAsNumber - value) > 1e-6) strength.value = String(value)
    },
    /** Which tiles, whether there are any, and why those by quantiles cannot be. */
    tiles(value, on, reason = "") {
      tiling.hidden = !on
      const quantiles = /** @type {HTMLOptionElement} */ (tiles.querySelector("option[value=quantiles]"))
      quantiles.disabled = Boolean(reason)
      quantiles.title = reason
      tiles.value = value
    },
    /** Which layers are on, and why some cannot be. */
    layers(on, refused) {
      let shown = 0
      for (const [name, chip] of chips) {
        const reason = refused.get(name) ?? ""
        const isOn = on.has(name) && !reason
        shown += Number(isOn)
        chip.setAttribute("aria-pressed", String(isOn))
        chip.disabled = Boolean(reason)
        chip.title = reason || LAYERS.find(([other]) => other === name)[2]
      }
      say(num, String(shown))
    },
  }
}
