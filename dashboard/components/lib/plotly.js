/** Loads plotly.js once for the page, and gives all charts one look. */
import { element } from "./dom.js"
import { address, VERSION } from "./server.js"
import { mix } from "./theme.js"

const ID = "latent-lab-plotly"
let loading = null

/** @returns {Promise<any>} The Plotly object. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    // The component's loader has begun it already, unless that failed before.
    let script = document.getElementById(ID)
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
      loading = null
      reject(new Error("The chart library could not be loaded; reload the page."))
    })
  })
  return loading
}

/** The same for an element, which says so in place of a chart if there is none; null then. */
export async function plotlyFor(node) {
  try {
    return await plotly()
  } catch (error) {
    node.replaceChildren(element("p", { class: "ll-message", dataset: { kind: "error" } }, error.message))
    return null
  }
}

let sheet = null

/** Plotly puts its style into the document, where a component's shadow tree does not see it: bring it there too. */
export function adoptStyle(node) {
  const tree = node.getRootNode()
  const global = document.getElementById("plotly.js-style-global")
  if (tree === document || !global) return
  if (!sheet) {
    sheet = new CSSStyleSheet()
    sheet.replaceSync([...global.sheet.cssRules].map((rule) => rule.cssText).join("\n"))
  }
  if (!tree.adoptedStyleSheets.includes(sheet)) tree.adoptedStyleSheets.push(sheet)
}

/** What all charts share: fonts, background, grid. The same as the template of figures.py. */
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

/** What all axes share. */
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
