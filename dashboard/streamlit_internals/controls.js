/**
 * Controls of a page by their names: which there are, and which a link hides (`hide=`) or fixes (`lock=`).
 *
 * What Streamlit draws is known by the key that Python gave it; the table of names and keys comes with the page
 * (`dashboard/look/controls.py`). Controls of our own parts have names of their own (`vae/browser/lib/controls.js`). A card can be hidden
 * as a whole.
 */
import { namesAround, OPERABLE, partsInPage, restrict, selectorOf, styleOf } from "../../vae/browser/lib/controls.js"

/** @typedef {{name: string, title: string, group: string, around: string[], nodes: Element[]}} Control `around`: names of what it stands in. */

/** Where Streamlit draws controls. */
const PLACES = '[data-testid="stMain"], [data-testid="stSidebar"], [data-testid="stBottom"]'
/** What else stands in them and has a name: cards, tables, the list of pages. */
const OF_STREAMLIT = '[class*="st-key-card-"], [data-testid="stDataFrame"], [data-testid="stSidebarNav"]'
/** Streamlit's own, which belong to no control of a page: what folds the sidebar, help beside a label, what a table offers. */
const NOT_OURS = '[data-testid="stSidebarCollapseButton"], [data-testid="stTooltipIcon"], [data-testid="stElementToolbar"], [data-testid="stAlert"]'
/** What a card is called in the list of controls, below its own title. */
const WHOLE = "All of it"
/** What a person does to a control; the rest only looks. */
const ACTS = ["pointerdown", "mousedown", "touchstart", "click", "dblclick", "keydown", "beforeinput", "input", "change", "wheel", "dragstart", "drop", "paste"]
/** Keys with which one goes on to the next control. */
const PASSING = ["Tab", "Shift", "Escape"]

/** @type {Record<string, [string, string]>} Title and selector by name. */
const TABLE = JSON.parse(document.getElementById("latent-lab-controls")?.textContent ?? "{}")
const style = new CSSStyleSheet()
document.adoptedStyleSheets.push(style)
/** @type {string[]} */
let fixed = []

/** Heed the address. @param {URLSearchParams} query */
export function heedControls(query) {
  const [hidden, locked] = ["hide", "lock"].map((key) => (query.get(key) ?? "").split(",").filter(Boolean))
  style.replaceSync(styleOf(hidden.map(inPage), locked.map(inPage)))
  restrict(hidden, locked)
  fixed = locked.flatMap((name) => [inPage(name), selectorOf(name)]).filter(Boolean)
}

/** Where Streamlit draws what has that name: a card, a control, or a part as a whole. @param {string} name */
function inPage(name) {
  if (!/^[a-z][a-z0-9_-]*$/.test(name)) return ""
  const card = `.st-key-card-${name}`
  const found = [card, `[data-testid="stLayoutWrapper"]:has(> ${card})`]
  if (TABLE[name]) found.push(TABLE[name][1])
  return found.join(", ")
}

/**
 * The controls of the page, those that a link has hidden too, in their order; "" is the name of one that has none.
 * @returns {Control[]}
 */
export function controlsInPage() {
  const found = /** @type {Map<string, Control>} */ (new Map())
  const list = (/** @type {Control} */ control) => { if (!found.has(control.name)) found.set(control.name, control) }
  const add = (/** @type {Element} */ node, /** @type {string[]} */ names, /** @type {string} */ title) => {
    const [name = ""] = names
    if (!name) found.set(`unnamed ${found.size}`, { name, title: `${node.localName}.${node.className} in ${node.parentElement?.className}`.slice(0, 160), group: "", around: [], nodes: [node] })
    else {
      const around = names.slice(1)
      const group = groupOf(node)
      // What it stands in can go as a whole.
      for (const [k, outer] of [...around.entries()].reverse()) list({ name: outer, title: TABLE[outer]?.[0] ?? WHOLE, group, around: around.slice(k + 1), nodes: [] })
      list({ name, title: title || name, group, around, nodes: [] })
      found.get(name)?.nodes.push(node)
    }
  }
  for (const place of document.querySelectorAll(PLACES)) {
    for (const node of place.querySelectorAll(`${OPERABLE}, ${OF_STREAMLIT}`)) {
      if (!node.closest(NOT_OURS) && !(/** @type {any} */ (node).type === "hidden")) {
        const names = named(node)
        add(node, names, TABLE[names[0]]?.[0] ?? WHOLE)
      }
    }
    for (const host of place.querySelectorAll("*")) if (host.shadowRoot) addPart(host, add)
  }
  return [...found.values()]
}

/**
 * The controls of a part.
 * @param {Element} host
 * @param {(node: Element, names: string[], title: string) => void} add
 */
function addPart(host, add) {
  for (const { name, root } of partsInPage()) {
    if (root.getRootNode() !== host.shadowRoot) continue
    const around = named(host)
    for (const node of root.querySelectorAll(OPERABLE)) {
      const own = namesAround(node, root)
      add(node, own.length ? [...own.map((one) => `${name}.${one}`), ...around] : [], titleOf(node))
    }
  }
}

/** The names of the table, and of cards, that an element has and stands in: the innermost first. @param {Element} node */
function named(node) {
  const found = []
  for (let at = /** @type {Element | null} */ (node); at; at = at.parentElement) {
    const card = /(?:^| )st-key-card-([a-z0-9-]+)/.exec(at.className?.toString() ?? "")
    const names = Object.keys(TABLE).filter((name) => at?.matches(TABLE[name][1]))
    for (const name of [...names, ...(card ? [card[1]] : [])]) if (!found.includes(name)) found.push(name)
  }
  return found
}

/** What it is called on the page. @param {Element} node */
function titleOf(node) {
  const labels = [.../** @type {HTMLInputElement} */ (node).labels ?? []].map(wordsOf)
  const group = node.closest("fieldset")?.querySelector("legend")?.textContent
  // A button beside the choices of a group is another thing than the group.
  const legend = group && node.matches("button") && node.textContent ? `${group}: ${node.textContent}` : group
  // What opens is called what its first line says, not all that is in it.
  const head = node.matches("details") ? node.querySelector("summary") : null
  const own = node.matches("input, select") ? "" : (head ?? node).textContent
  return [legend, node.ariaLabel, head?.ariaLabel, head?.title, ...labels, own, node.getAttribute("title")].find((text) => text?.trim())?.trim().slice(0, 60) ?? ""
}

/** A label's own words, without those of the choices that stand in it. @param {Element} label */
function wordsOf(label) {
  return [...label.childNodes].filter((child) => !(child instanceof HTMLSelectElement)).map((child) => child.textContent).join("")
}

/** The title of the card that it stands in, or of the place. @param {Element} node */
function groupOf(node) {
  const tree = node.getRootNode()
  const at = tree instanceof ShadowRoot ? tree.host : node
  if (at.closest('[data-testid="stSidebar"]')) return "Sidebar"
  if (at.closest(".st-key-head")) return "Head of the page"
  if (at.closest('[data-testid="stBottom"]')) return "Foot of the page"
  const card = at.closest('[class*="st-key-card-"]')
  const name = /st-key-card-([a-z0-9-]+)/.exec(card?.className ?? "")?.[1] ?? ""
  return card?.querySelector(".ll-card-title")?.textContent || TABLE[name]?.[0] || `${name.slice(0, 1).toUpperCase()}${name.slice(1)}` || "Page"
}

/** A fixed control hears of nothing that is done to it. @param {Event} event */
function refuse(event) {
  if (!fixed.length || (event instanceof KeyboardEvent && PASSING.includes(event.key))) return
  const isFixed = event.composedPath().some((node) => node instanceof Element && fixed.some((selector) => node.matches(selector)))
  if (!isFixed) return
  event.stopImmediatePropagation()
  if (event.cancelable) event.preventDefault()
}

for (const name of ACTS) window.addEventListener(name, refuse, { capture: true, passive: false })
