/** The explorer in a notebook's cell: sliders, image, map and curves, and the value that Python shares with them. */
import { mount as curves } from "../curves/curves.js"
import { mount as image } from "../image/image.js"
import { element, say } from "../lib/dom.js"
import { classOf, oneHot, pointOf, short } from "../lib/store.js"
import { timeOf } from "../lib/time.js"
import { mount as map } from "../map/map.js"
import { mount as sliders } from "../sliders/sliders.js"
import { kernel } from "../sources/kernel.js"

const MOUNTS = { sliders, image, map, curves }
/** What each part wears besides the tokens. */
const STYLES = {
  sliders: ["sliders/sliders.css"], image: ["image/image.css"], map: ["map/map.css", "drawing_pad/drawing_pad.css", "notebook/narrow.css"], curves: ["curves/curves.css"],
}
/** Where a host says that its theme is another. */
const THEMES = { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind", "data-theme"] }

/**
 * @typedef {{point: number[], class: number | null, selection: number[]}} Value
 */

/**
 * Draw in a cell.
 * @param {HTMLElement} host
 * @param {{model: any, ask: import("../sources/kernel.js").Ask, styles: Record<string, string>, runtime: () => Promise<any>}} given
 *   `model` is anywidget's.
 * @returns {() => void} The way to take it out again.
 */
export function mount(host, { model, ask, styles, runtime }) {
  const hear = (/** @type {(message: any) => void} */ listener) => {
    model.on("msg:custom", listener)
    return () => model.off("msg:custom", listener)
  }
  const source = kernel(ask, hear, (message) => model.send(message), runtime)
  const frame = element("div", { class: "ll-explorer" })
  const remarks = element("div", { class: "ll-remarks" })
  const root = host.attachShadow?.({ mode: "open" }) ?? host
  root.append(element("style", {}, styles["lib/tokens.css"], styles["notebook/explorer.css"]), frame, remarks)
  /** @type {Map<string, {place: HTMLElement, part: import("../lib/mount.js").Part | null}>} */
  const shown = new Map()
  /** @type {Value} What both sides know. */
  let known = model.get("value")

  /** Tell Python what the person did. */
  function tell(/** @type {Partial<Value>} */ news) {
    known = { ...known, ...news }
    model.set("value", known)
    model.save_changes()
  }

  const onChange = (/** @type {string} */ name, /** @type {any} */ value) => {
    if (name === "point") tell({ point: Array.from(value.z, short), ...(known.class !== null && value.y !== null && { class: value.y }) })
    else if (name === "selection") tell({ selection: value })
  }

  /** The states of the parts, at Python's value. */
  function draw() {
    const { parts, missing, notes } = model.get("_told")
    remarks.replaceChildren(...notes.map((/** @type {string} */ words) => element("p", {}, words)))
    for (const name of Object.keys(parts)) {
      const one = shown.get(name) ?? place(name)
      const state = parts[name] && { ...parts[name], z: known.point, ...("y" in parts[name] && { y: known.class }), ...(name === "map" && { selected: known.selection }) }
      if (!state) {
        one.place.dataset.waits = "true"
        say(one.place, missing[name] ?? "")
      } else if (one.part) one.part.update({ source, state, onChange })
      else {
        delete one.place.dataset.waits
        one.part = within(one.place, name, state)
      }
    }
  }

  function place(/** @type {string} */ name) {
    const node = element("div", { class: "place", dataset: { part: name } })
    frame.append(node)
    const one = { place: node, part: null }
    shown.set(name, one)
    return one
  }

  function within(/** @type {HTMLElement} */ node, /** @type {string} */ name, /** @type {any} */ state) {
    node.replaceChildren()
    const inner = node.attachShadow({ mode: "open" })
    const drawn = element("div", { class: "ll", dataset: { component: name } })
    inner.append(element("style", {}, ["lib/tokens.css", ...STYLES[name]].map((sheet) => styles[sheet]).join("\n")), drawn)
    return MOUNTS[name](drawn, { source, state, onChange })
  }

  /** Python has set the value. */
  function hearValue() {
    /** @type {Value} */
    const now = model.get("value")
    if (JSON.stringify(now) === JSON.stringify(known)) return
    const before = known
    known = now
    const state = Object.values(model.get("_told").parts).find((part) => part?.z)
    if (state && (now.point.join() !== before.point.join() || now.class !== before.class)) {
      const y = now.class === null ? null : oneHot(now.class, state.classes.length)
      const store = pointOf(source, state.run)
      const kept = classOf(store.point?.y ?? null) === now.class ? (store.point?.y ?? y) : y
      store.set({ z: now.point, y: kept }, { source: "python" })
    }
    draw()
  }

  /** Colours of the page around. */
  function wear() {
    const style = getComputedStyle(host)
    const dark = luminance(style.color) > 0.5
    remarks.style.color = style.color
    frame.style.setProperty("--ll-text-color", style.color)
    frame.style.setProperty("--ll-background-color", ground(host) ?? (dark ? "#0e1117" : "#ffffff"))
    frame.style.setProperty("--ll-secondary-background-color", "color-mix(in srgb, var(--ll-text-color) 8%, var(--ll-background-color))")
    frame.style.setProperty("--ll-primary-color", dark ? "#56b4e9" : "#0072b2")
    frame.style.colorScheme = dark ? "dark" : "light"
  }

  const themes = new MutationObserver(() => { wear(); draw() })
  for (const node of [document.documentElement, document.body]) themes.observe(node, THEMES)
  wear()
  draw()
  model.on("change:value", hearValue)
  model.on("change:_told", draw)
  // The page's time follows a training from whatever state it begins in.
  const [{ run } = { run: "" }] = Object.values(model.get("_told").parts).filter(Boolean)
  const stop = run ? source.listen(run, { status: ({ state }) => timeOf(source, run).heed(state) }) : () => {}
  return () => {
    stop()
    themes.disconnect()
    model.off("change:value", hearValue)
    model.off("change:_told", draw)
    for (const { part } of shown.values()) part?.unmount()
  }
}

/**
 * What lies behind an element: the first ground that is not clear; null where none is.
 * @param {HTMLElement} node
 */
function ground(node) {
  for (let at = /** @type {Element | null} */ (node); at; at = at.parentElement ?? /** @type {ShadowRoot} */ (at.getRootNode()).host ?? null) {
    const { backgroundColor } = getComputedStyle(at)
    if (!/^(transparent|rgba\(.*, 0\))$/.test(backgroundColor)) return backgroundColor
  }
  return null
}

/**
 * From 0, black, to 1.
 * @param {string} colour As a computed style has it.
 */
function luminance(colour) {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number)
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
}
