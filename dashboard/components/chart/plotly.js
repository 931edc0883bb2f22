/** Loads plotly.js once for the page, and gives all charts one look. */
import { element } from "../../../vae/browser/lib/dom.js"
import { persist } from "../../../vae/browser/lib/asking.js"
import { address, VERSION } from "../source/server.js"
import { mix } from "../../../vae/browser/lib/theme.js"

const ID = "latent-lab-plotly"
/** @type {Promise<any> | null} */
let loading = null

/**
 * Who waits for it, and why it is not there yet.
 * @type {Set<(sentence: string) => void>}
 */
const waiting = new Set()
let sentence = ""

/**
 * @param {(sentence: string) => void} [tell] Told why it takes so long, and "" when that is over.
 * @returns {Promise<any>} The Plotly object, however long the server is away.
 */
export function plotly(tell) {
  loading ??= persist(load, {
    waiting(now) {
      sentence = now
      for (const one of waiting) one(now)
    },
  })
  if (tell) {
    waiting.add(tell)
    if (sentence) tell(sentence)
    loading.finally(() => waiting.delete(tell)).catch(() => {})
  }
  return loading
}

function load() {
  return new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    // The component's loader has begun it already, unless that failed before.
    let script = /** @type {HTMLScriptElement | null} */ (document.getElementById(ID))
    if (!script || script.dataset.failed) {
      script?.remove()
      script = Object.assign(document.createElement("script"), {
        id: ID, async: true, src: address(`plotly/${VERSION}/plotly.min.js`),
      })
      document.head.append(script)
    }
    script.addEventListener("load", () => resolve(window.Plotly))
    script.addEventListener("error", () => {
      script.dataset.failed = "true"
      reject(new Error("The chart library could not be loaded."))
    })
  })
}

/**
 * The same for an element, which says why there is no chart yet.
 * @param {HTMLElement} node
 */
export async function plotlyFor(node) {
  const message = element("p", { class: "ll-message" })
  const Plotly = await plotly((now) => {
    message.textContent = now
    if (now) node.replaceChildren(message)
    else message.remove()
  })
  message.remove()
  return Plotly
}

/** @type {CSSStyleSheet | null} */
let sheet = null

/**
 * Plotly puts its style into the document, where a component's shadow tree does not see it: bring it there too.
 * @param {HTMLElement} node
 */
export function adoptStyle(node) {
  const tree = /** @type {ShadowRoot | Document} */ (node.getRootNode())
  const global = /** @type {HTMLStyleElement | null} */ (document.getElementById("plotly.js-style-global"))?.sheet
  if (tree === document || !global) return
  if (!sheet) {
    sheet = new CSSStyleSheet()
    sheet.replaceSync([...global.cssRules].map((rule) => rule.cssText).join("\n"))
  }
  if (!tree.adoptedStyleSheets.includes(sheet)) tree.adoptedStyleSheets.push(sheet)
}

/**
 * What all charts share: fonts, background, grid. The same as the template of look/colours.py.
 * @param {import("../../../vae/browser/lib/theme.js").Theme} theme
 */
export function look(theme) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, size: 12, color: theme.muted },
    hoverlabel: {
      bgcolor: theme.panel,
      bordercolor: mix(theme.background, theme.text, 0.25),
      font: { family: theme.font, size: 12, color: theme.text },
    },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: mix(theme.background, theme.text, 0.45), activecolor: theme.text },
    showlegend: false,
  }
}

/**
 * A layout or traces with letters so many times as large, and with the room that these need: a presentation is seen from afar.
 * @template T
 * @param {T} drawn
 * @param {number} scale
 * @param {string} [name] Of what it is a part.
 * @returns {T}
 */
export function enlarged(drawn, scale, name = "") {
  if (scale === 1 || !drawn || typeof drawn !== "object" || DATA.has(name)) return drawn
  if (Array.isArray(drawn)) return /** @type {T} */ (drawn.map((one) => enlarged(one, scale)))
  return /** @type {T} */ (Object.fromEntries(Object.entries(drawn).map(([key, value]) => {
    const grows = (key === "size" && name.endsWith("font")) || key === "standoff" || (name === "margin" && "lb".includes(key))
    return [key, grows && typeof value === "number" ? value * scale : enlarged(value, scale, key)]
  })))
}

/** What is no look: it may be long. */
const DATA = new Set(["x", "y", "z", "text", "customdata", "error_y", "ids"])

/**
 * What all axes share.
 * @param {import("../../../vae/browser/lib/theme.js").Theme} theme
 */
export function axis(theme) {
  return {
    gridcolor: theme.grid,
    linecolor: mix(theme.background, theme.text, 0.25),
    zerolinecolor: mix(theme.background, theme.text, 0.2),
    zeroline: false,
    tickcolor: mix(theme.background, theme.text, 0.25),
    tickfont: { size: 11 },
    title: { font: { size: 12 } },
    automargin: false,
  }
}

export const CONFIG = {
  displaylogo: false,
  responsive: false,
  doubleClick: "reset",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"],
}
