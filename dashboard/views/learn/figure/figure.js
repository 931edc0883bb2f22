/** Panels of a chapter: charts of plotly.js and images, in a grid as high as the screen has room. */
import { element } from "../../../../vae/browser/lib/dom.js"
import { gridMenu } from "../../../../vae/browser/lib/image_grid.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { paint } from "../../../../vae/browser/lib/picture.js"
import { mix, theme } from "../../../../vae/browser/lib/theme.js"
import { adoptStyle, axis, CONFIG, look, plotlyFor } from "../../../components/chart/plotly.js"
import { plotlyMenu, tableOf } from "../../../components/chart/saving.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"

export default inStreamlit(mountable(import.meta.url, (root) => {
  const grid = element("div", { class: "panels" })
  root.replaceChildren(grid)
  root.style.minHeight = "0"
  /** @type {import("./state").State} What Python told. */
  let data = null
  let built = ""
  /** @type {{node: HTMLElement, panel: any}[]} */
  let plots = []
  let drawn = ""
  let gone = false
  const observer = new ResizeObserver(() => void draw())
  observer.observe(grid)

  /** Put the palette's colours where their names stand. */
  function coloured(value, palette, colours) {
    if (typeof value === "string" && value.startsWith("@")) {
      const [name, share] = value.slice(1).split("/")
      const colour = palette[name] ?? colours[name] ?? colours.text
      return share ? mix(colours.background, colour, Number(share)) : colour
    }
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((one) => coloured(one, palette, colours))
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, palette, colours)]))
    return value
  }

  function tiles(panel) {
    const bytes = Uint8Array.from(atob(panel.pixels), (letter) => letter.charCodeAt(0))
    const [channels, height, width] = panel.shape
    const size = channels * height * width
    const box = element("div", { class: "tiles" })
    for (let k = 0; k < panel.num; k += 1) {
      const caption = panel.captions[k] ?? ""
      const canvas = element("canvas", { class: "ll-pixels", role: "img", "aria-label": caption || `${panel.title} ${k + 1}` })
      paint(canvas, { data: bytes, offset: k * size, scale: 1, channels, height, width })
      box.append(element("figure", { class: "tile" }, canvas, caption ? element("figcaption", {}, caption) : null))
    }
    return box
  }

  /** The button that saves a panel. */
  function menuOf(panel, node) {
    if (!panel.pixels) return plotlyMenu(node, () => panel.title, () => tableOf(node, panel.saved), `the chart “${panel.title}”`)
    return gridMenu(() => {
      const all = /** @type {HTMLCanvasElement[]} */ ([...node.querySelectorAll("canvas")])
      const images = Array.from({ length: Math.ceil(all.length / panel.columns) }, (_, row) => all.slice(row * panel.columns, (row + 1) * panel.columns))
      const words = (k) => (panel.captions[k] ?? "").replaceAll("\n", " ")
      const isRow = images.length === 1 && panel.captions.length
      return {
        name: panel.title, grid: { images, ...(isRow ? { columns: all.map((_, k) => words(k)) } : {}) },
        ...(panel.captions.length && !isRow ? { known: { columns: ["caption"], of: (row, column) => [words(row * panel.columns + column)] } } : {}),
      }
    }, panel.title.toLowerCase())
  }

  /** Tiles as large as width and height allow. */
  function fit(box, panel) {
    const rows = Math.ceil(panel.num / panel.columns)
    const caption = panel.captions.some((/** @type {string} */ words) => words.includes("\n")) ? 48 : panel.captions.length ? 16 : 0
    const wide = (box.clientWidth - 4 - 6 * (panel.columns - 1)) / panel.columns
    const tall = ((box.clientHeight || Infinity) - 4 - 6 * (rows - 1)) / rows - caption
    const narrow = matchMedia("(max-width: 899px)").matches
    const side = Math.max(18, Math.min(wide, narrow ? 96 : (tall * panel.shape[2]) / panel.shape[1], 168))
    box.style.gridTemplateColumns = `repeat(${panel.columns}, ${Math.floor(side)}px)`
  }

  function build() {
    grid.style.setProperty("--columns", String(data.columns))
    grid.style.setProperty("--taken", `${data.taken}px`)
    grid.style.setProperty("--least", data.panels.length > 1 ? "300px" : "160px")
    grid.style.gridTemplateRows = data.rows
    for (const { node } of plots) window.Plotly?.purge(node)
    plots = []
    grid.replaceChildren(...data.panels.map((panel) => {
      const node = panel.pixels ? tiles(panel) : element("div", { class: "plot", role: "img", "aria-label": panel.title })
      if (!panel.pixels) plots.push({ node, panel })
      else panel.box = node
      const made = element(
        "section", { class: "panel" }, element("div", { class: "ll-head" }, element("h4", { class: "ll-title", title: panel.title }, panel.title), menuOf(panel, node)), node,
        panel.note ? element("p", { class: "ll-note" }, panel.note) : null,
      )
      if (panel.wide > 1) made.style.gridColumn = `span ${panel.wide}`
      return made
    }))
  }

  async function draw() {
    if (!data || !grid.clientWidth) return
    const colours = theme(root)
    const palette = data.palette[colours.name]
    for (const panel of data.panels) if (panel.box) fit(panel.box, panel)
    const sizes = plots.map(({ node }) => `${node.clientWidth} ${node.clientHeight}`).join()
    const now = `${JSON.stringify(data.panels.map(({ box, ...rest }) => rest))} ${sizes} ${colours.name}`
    if (now === drawn) return
    drawn = now
    const first = plots[0]?.node
    const Plotly = first ? await plotlyFor(first) : null
    if (gone) return
    for (const { node, panel } of plots) {
      if (!Plotly || !node.clientWidth || now !== drawn) continue
      const shared = axis(colours)
      const { xaxis = {}, yaxis = {}, ...more } = coloured(panel.layout, palette, colours)
      const title = (text) => ({ text, font: { size: 12 }, standoff: 6 })
      const layout = {
        ...look(colours), height: node.clientHeight, width: node.clientWidth, margin: { l: 52, r: 12, t: 8, b: 42 }, hovermode: "closest",
        legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal", font: { size: 11, color: colours.text } },
        ...more, xaxis: { ...shared, title: title(panel.x), ...xaxis }, yaxis: { ...shared, title: title(panel.y), ...yaxis },
      }
      if (layout.showlegend) layout.margin = { ...layout.margin, t: 28 }
      if (panel.layout.annotations) for (const one of layout.annotations) one.font = { size: 12, color: colours.text, ...one.font }
      const scale = data.scale[colours.name]
      const ramp = [[0, colours.background], ...scale.map((colour, k) => [(k + 1) / scale.length, colour])]
      const traces = coloured(panel.traces, palette, colours).map((trace) => (trace.colorscale === "ramp" ? { ...trace, colorscale: ramp } : trace))
      await Plotly.react(node, traces, layout, { ...CONFIG, displayModeBar: false })
      if (gone) return Plotly.purge(node)
      adoptStyle(node)
    }
    root.dataset.ready = "true"
  }

  return {
    /** @param {import("../../../../vae/browser/lib/mount.js").Given<import("./state").State>} component */
    update(component) {
      data = component.state
      const { panels, columns, taken, rows } = data
      const shape = JSON.stringify([panels.map(({ title, note, wide, pixels }) => [title, note, wide, pixels]), columns, taken, rows])
      if (shape !== built) {
        built = shape
        build()
      } else {
        const charts = panels.filter((panel) => !panel.pixels)
        plots = plots.map(({ node }, k) => ({ node, panel: charts[k] }))
        panels.filter((panel) => panel.pixels).forEach((panel, k) => { panel.box = grid.querySelectorAll(".tiles")[k] })
      }
      void draw()
    },
    unmount() {
      gone = true
      observer.disconnect()
      for (const { node } of plots) window.Plotly?.purge(node)
    },
  }
}))
