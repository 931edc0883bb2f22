/** The rows of controls above the map. */
import { element } from "../lib/dom.js"
import { LAYERS } from "./layers.js"

/** The tiles of the decoded plane. */
const TILES = [["even", "Even"], ["quantiles", "Prior quantiles"]]

/**
 * @param {{colour: (value: string) => void, projection: (value: string) => void, layer: (name: string, on: boolean) => void,
 *   tiles: (value: string) => void,
 *   lasso: (on: boolean) => void, reset: () => void}} heard
 */
export function controls(heard) {
  const colour = element("select", { dataset: { control: "colour" }, onchange: () => heard.colour(colour.value) })
  const projection = element("select", { dataset: { control: "projection" }, onchange: () => heard.projection(projection.value) })
  const plane = element("label", { class: "field" }, element("span", {}, "Plane"), projection)
  const lasso = element("button", {
    class: "ll-button", type: "button", "aria-pressed": "false", dataset: { action: "lasso" },
    title: "Draw around images to select them (or hold Shift and drag)",
    onclick: () => heard.lasso(lasso.getAttribute("aria-pressed") !== "true"),
  }, "Lasso")
  const reset = element("button", {
    class: "ll-button", type: "button", hidden: true, dataset: { action: "reset-view" }, title: "All images in view (key 0)", onclick: () => heard.reset(),
  }, "Reset view")
  const chips = new Map(LAYERS.map(([name, title, words]) => [name, element("button", {
    class: "chip", type: "button", "aria-pressed": "false", title: words, dataset: { layer: name },
    onclick: () => heard.layer(name, chips.get(name).getAttribute("aria-pressed") !== "true"),
  }, title)]))
  const tiles = element(
    "select", { dataset: { control: "tiles" }, title: "Even: tiles of one size. Prior quantiles: each column and row is equally probable under the prior.", onchange: () => heard.tiles(tiles.value) },
    ...TILES.map(([value, title]) => element("option", { value }, title)))
  const tiling = element("label", { class: "field tiling", hidden: true }, element("span", {}, "Tiles"), tiles)
  const layers = element(
    "div", { class: "layers", role: "group", "aria-label": "Layers" }, element("span", { class: "name" }, "Layers"), ...chips.values(), tiling,
  )
  const fields = element("div", { class: "ll-row fields" }, plane, element("label", { class: "field" }, element("span", {}, "Colour"), colour))

  function fill(select, options, value) {
    select.replaceChildren(...options.map((option) => element("option", { value: option.value, selected: option.value === value }, option.title)))
  }

  return {
    fields,
    layerRow: layers,
    buttons: element("div", { class: "tools" }, reset, lasso),
    reset,
    lasso(on) {
      lasso.setAttribute("aria-pressed", String(on))
    },
    colours(options, value) {
      fill(colour, options, value)
    },
    /** Methods that place the points; where there is nothing to choose, none are shown. */
    projections(options, value) {
      plane.hidden = options.length < 2
      fill(projection, options, value)
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
      for (const [name, chip] of chips) {
        const reason = refused.get(name) ?? ""
        chip.setAttribute("aria-pressed", String(on.has(name) && !reason))
        chip.disabled = Boolean(reason)
        chip.title = reason || LAYERS.find(([other]) => other === name)[2]
      }
    },
  }
}
