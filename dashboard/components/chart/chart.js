/** A small chart of measured points: a line each, with standard errors. */
import { element, number } from "../../../vae/browser/lib/dom.js"
import { mountable } from "../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../streamlit/adapter.js"
import { adoptStyle, axis, CONFIG, look, plotlyFor } from "./plotly.js"
import { plotlyMenu } from "./saving.js"
import { theme } from "../../../vae/browser/lib/theme.js"

export default inStreamlit(mountable(import.meta.url, (root) => {
  const node = element("div", { class: "chart", role: "figure" })
  const menu = element("div", { class: "save", hidden: true }, plotlyMenu(node, () => data.name || data.y))
  root.replaceChildren(element("div", { class: "saved" }, node, menu))
  /** @type {import("./state").State} What Python told. */
  let data = null
  let drawn = ""
  let gone = false
  const observer = new ResizeObserver(() => draw())
  observer.observe(node)

  async function draw() {
    if (!data || !node.clientWidth) return
    const colours = theme(root)
    const now = JSON.stringify([data, node.clientWidth, colours.name, getComputedStyle(root).getPropertyValue("--ll-scale")])
    if (now === drawn) return
    drawn = now
    const Plotly = await plotlyFor(node)
    if (!Plotly || gone) return
    const traces = data.series.map((series) => {
      const colour = data.palette[colours.name][series.colour] ?? colours.primary
      return {
        type: "scatter", mode: series.dashed ? "lines" : "lines+markers", name: series.name, x: series.x, y: series.y,
        text: series.y.map((value, k) => `${number(value, data.decimals)}${series.error.length ? ` ± ${number(series.error[k], data.decimals)}` : ""}`),
        hovertemplate: `%{x:,}: %{text}<extra></extra>`,
        line: { color: colour, width: 2, dash: series.dashed ? "dash" : "solid" }, marker: { color: colour, size: 7 },
        error_y: { type: "data", array: series.error, visible: series.error.length > 0, color: colour, thickness: 1.2, width: 3 },
      }
    })
    const scale = Number.parseFloat(getComputedStyle(root).getPropertyValue("--ll-scale")) || 1
    const shared = { ...axis(colours), tickfont: { size: 11 * scale } }
    const layout = {
      ...look(colours), height: data.height, width: node.clientWidth, margin: { l: 64 * scale, r: 16, t: 12, b: 44 * scale }, hovermode: "closest",
      showlegend: data.series.length > 1, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 * scale, color: colours.text } },
      xaxis: { ...shared, type: data.log ? "log" : "linear", title: { text: data.x, font: { size: 12 * scale } }, ...(data.log ? { dtick: 1, tickformat: ",d" } : {}) },
      yaxis: { ...shared, title: { text: data.y, font: { size: 12 * scale } } },
    }
    if (layout.showlegend) layout.margin.t = 28
    const words = data.series.map((series) => `${series.name}: ${series.y.map((value) => number(value, data.decimals)).join(", ")}`)
    node.setAttribute("aria-label", words.join("; "))
    await Plotly.react(node, traces, layout, { ...CONFIG, displayModeBar: false })
    if (gone) return Plotly.purge(node)
    adoptStyle(node)
    menu.hidden = false
    root.dataset.ready = "true"
  }

  return {
    update(component) {
      data = component.state
      void draw()
    },
    unmount() {
      gone = true
      observer.disconnect()
      window.Plotly?.purge(node)
    },
  }
}))
