/** The rate-distortion plane: one dot a run, lines of equal ELBO, and beside it the run that is pointed at. */
import { server } from "../../../components/source/source.js"
import { count, element, number, say } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { adoptStyle, axis, CONFIG, enlarged, look, plotlyFor } from "../../../components/chart/plotly.js"
import { plotlyMenu } from "../../../components/chart/saving.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { besides, isoLines, range } from "./lines.js"

/** Width that a label of a line and one of a run take side by side, CSS pixels. */
const LABEL = 120

/** What the colours mean, where the dots carry no words. */
function key(dots, colours) {
  const known = [...new Set(dots.map(({ beta }) => beta))].sort((a, b) => a - b)
  const some = known.filter((_, k) => k % Math.ceil(known.length / 8) === 0)
  return {
    showscale: true,
    colorbar: {
      title: { text: "β", font: { size: 12, color: colours.text } }, thickness: 10, outlinewidth: 0, tickfont: { size: 11, color: colours.text },
      tickvals: some.map(place), ticktext: some.map((beta) => String(Number(beta.toPrecision(3)))),
    },
  }
}

/** Of a β on the scale of colours; 0 has no logarithm. */
function place(beta) {
  return Math.log10(Math.max(beta, 1e-6))
}

export default inStreamlit(mountable(import.meta.url, (root) => {
  /** @type {any} Plotly's element. */
  const chart = element("div", { class: "chart", role: "figure", dataset: { control: "chart" } })
  /** The way to a dot without a pointer. */
  const picker = element("select", { class: "ll-select picker", "aria-label": "Run whose test metrics are shown", dataset: { control: "run" }, onchange: () => { pinned = picker.value; over = null; tell() } })
  const figures = element("dl", { class: "figures" })
  const sheet = element("img", { class: "sheet", hidden: true, onload: () => { sheet.hidden = false } })
  const note = element("p", { class: "ll-note" }, "Samples from the prior: the same z for every run with equally many dimensions.")
  const button = element("button", { class: "ll-button", type: "button", onclick: toggle, dataset: { control: "add" } })
  const save = plotlyMenu(chart, () => "rate-distortion-plane", () => ({
    columns: [
      "run", "β", "Reconstruction (distortion) (nats)", "KL (rate) (nats)", "−ELBO (nats)", "± standard error (nats)", "active units", "latent dimensions", "seed", "step",
    ],
    rows: data.dots.map((dot) => [
      dot.name, dot.beta, dot.distortion, dot.rate, dot.distortion + dot.rate, dot.standard_error, dot.active, dot.latent_dim, dot.seed, dot.step,
    ]),
  }))
  const card = element("section", { class: "ll-card card", "aria-label": "The selected run", "aria-live": "polite" }, element("div", { class: "ll-head" }, picker, save), figures, sheet, note, button)
  root.replaceChildren(element("div", { class: "plane" }, chart, card))

  let component = null
  /** @type {import("./state").State} What Python told. */
  let data = null
  /** The dot that was clicked, and the one below the pointer. */
  let pinned = null
  let over = null
  let drawn = ""
  let gone = false
  let asked = new AbortController()
  const observer = new ResizeObserver(() => draw())
  observer.observe(chart)

  function toggle() {
    const dot = shown()
    if (dot) component.onChange("toggled", dot.id)
  }

  function shown() {
    const by = (id) => data.dots.find((dot) => dot.id === id)
    return by(over) ?? by(pinned) ?? data.dots.find(({ chosen }) => chosen) ?? data.dots[0]
  }

  /** Tell of the run that is pointed at. */
  function tell() {
    const dot = shown()
    card.hidden = !dot
    if (!dot) return
    picker.value = dot.id
    picker.title = dot.name
    const [total, distortion, rate] = dot.printed
    const rows = {
      "β": dot.betas,
      "−ELBO, nats": `${number(total)} ± ${number(dot.standard_error)}`,
      "Reconstruction (distortion)": number(distortion),
      "KL (rate)": number(rate),
      "Active units": `${dot.active} of ${dot.latent_dim}`,
      "Seed, step": `${dot.seed}, ${count(dot.step)}`,
    }
    const words = Object.entries(rows).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])
    figures.replaceChildren(...words)
    void show(dot)
    say(button, dot.chosen ? "Remove from the comparison" : "Compare this run")
    button.disabled = !dot.chosen && data.full
    button.title = button.disabled ? "No more runs fit side by side; remove one first" : ""
    root.dataset.shown = dot.id
  }

  /** A sheet of samples beside the chart; one of another run makes way for it. */
  async function show(dot) {
    const query = { kind: "samples", at: "last", num: 8, seed: 0, v: dot.stamp }
    const source = `${dot.id} ${dot.stamp}`
    if (sheet.dataset.source === source) return
    sheet.dataset.source = source
    asked.abort()
    asked = new AbortController()
    sheet.alt = `Samples of ${dot.name}`
    sheet.hidden ||= !dot.stamp
    if (!dot.stamp) return
    try {
      const picture = URL.createObjectURL(await server.get(dot.id, "sheet.png", query, "blob", { signal: asked.signal }))
      if (sheet.dataset.source !== source || gone) return URL.revokeObjectURL(picture)
      URL.revokeObjectURL(sheet.src)
      sheet.src = picture
    } catch (error) {
      if (error.name === "AbortError") return
      // A refusal: the figures are there without a picture.
      sheet.hidden = true
      console.warn(error.message)
    }
  }

  async function draw() {
    if (!data || !chart.clientWidth) return
    const colours = theme(root)
    const now = JSON.stringify([data.dots, chart.clientWidth, chart.clientHeight, colours.name])
    if (now === drawn) return
    drawn = now
    const Plotly = await plotlyFor(chart)
    if (!Plotly || gone) return
    const { dots } = data
    const height = chart.clientHeight
    const [x, y] = [range(dots.map(({ rate }) => rate), true), range(dots.map(({ distortion }) => distortion), false)]
    const lines = isoLines(x, y)
    const betas = dots.map(({ beta }) => place(beta))
    const scale = data.palette[colours.name]
    const words = dots.map(({ betas, active, latent_dim: num }) => `β ${betas} · ${active}/${num}`)
    // The tools of the chart have a row of their own above it.
    const margin = { l: 64, r: 12, t: 36, b: 48 }
    const [wide, high] = [chart.clientWidth - margin.l - margin.r, height - margin.t - margin.b]
    const places = dots.map(({ rate, distortion }, k) => ({
      x: (wide * (rate - x[0])) / (x[1] - x[0]), y: (high * (y[1] - distortion)) / (y[1] - y[0]), words: words[k],
    }))
    // The label of a line gives way to a run and its own label.
    const isFree = ([rate, distortion]) => {
      const [left, top] = [(wide * (rate - x[0])) / (x[1] - x[0]), (high * (y[1] - distortion)) / (y[1] - y[0])]
      return places.every((dot) => Math.abs(dot.x - left) > LABEL || Math.abs(dot.y - top) > 28)
    }
    const trace = {
      type: "scatter", cliponaxis: false, mode: data.labels ? "markers+text" : "markers",
      x: dots.map(({ rate }) => rate), y: dots.map(({ distortion }) => distortion),
      error_y: { type: "data", array: dots.map((dot) => dot.standard_error), visible: data.labels, thickness: 1, width: 0, color: colours.muted },
      text: words, textposition: besides(places, wide), textfont: { size: 11, color: colours.text },
      customdata: dots.map(({ id }) => id), hoverinfo: "none",
      marker: {
        size: dots.map(({ chosen }) => (chosen ? 15 : 10)),
        color: betas, colorscale: scale.map((colour, k) => [k / (scale.length - 1), colour]),
        cmin: Math.min(...betas, -0.5), cmax: Math.max(...betas, 0.5),
        line: { color: colours.text, width: dots.map(({ chosen }) => (chosen ? 2.5 : 0)) },
        ...(data.labels ? {} : key(dots, colours)),
      },
    }
    const layout = {
      ...look(colours), height, width: chart.clientWidth, margin, hovermode: "closest", dragmode: "zoom", uirevision: dots.map(({ id }) => id).join(),
      xaxis: { ...axis(colours), range: x, title: { text: "KL (rate), nats", font: { size: 12 } } },
      yaxis: { ...axis(colours), range: y, title: { text: "Reconstruction (distortion), nats", font: { size: 12 } } },
      shapes: lines.map(({ from, to }) => ({
        type: "line", layer: "below", x0: from[0], y0: from[1], x1: to[0], y1: to[1], line: { color: colours.muted, width: 1, dash: "dot" }, opacity: 0.6,
      })),
      // A label at the right edge would be cut off.
      annotations: lines.filter(({ from }) => from[0] < x[1] - 0.14 * (x[1] - x[0]) && isFree(from)).map(({ value, decimals, from }) => ({
        x: from[0], y: from[1], text: `−ELBO ${number(value, decimals)}`, showarrow: false, xanchor: "left", yanchor: "top", xshift: 8, yshift: 0,
        font: { size: 10, color: colours.muted }, bgcolor: colours.background,
      })),
    }
    const times = Number.parseFloat(getComputedStyle(root).getPropertyValue("--ll-scale")) || 1
    await Plotly.react(chart, enlarged([trace], times), enlarged(layout, times), CONFIG)
    if (gone) return Plotly.purge(chart)
    adoptStyle(chart)
    if (!chart.llHeard) {
      chart.llHeard = true
      chart.on("plotly_hover", ({ points }) => { over = points[0].customdata; tell() })
      chart.on("plotly_unhover", () => { over = null; tell() })
      chart.on("plotly_click", ({ points }) => { pinned = points[0].customdata; tell() })
    }
    root.dataset.dots = String(dots.length)
    root.dataset.ready = "true"
  }

  /** The names of the runs, for the keyboard and for whoever does not see the chart. */
  function list() {
    const known = data.dots.map(({ id, name }) => `${id} ${name}`).join()
    if (picker.dataset.known === known) return
    picker.dataset.known = known
    picker.replaceChildren(...data.dots.map(({ id, name }) => element("option", { value: id }, name)))
    const words = data.dots.map(({ name, printed }) => `${name}: rate ${number(printed[2])}, distortion ${number(printed[1])}`)
    chart.setAttribute("aria-label", `Reconstruction (distortion) over KL (rate), nats. ${words.join("; ")}`)
  }

  return {
    update(next) {
      component = next
      data = next.state
      chart.dataset.alone = String(data.alone)
      list()
      tell()
      void draw()
    },
    unmount() {
      gone = true
      asked.abort()
      URL.revokeObjectURL(sheet.src)
      observer.disconnect()
      window.Plotly?.purge(chart)
    },
  }
}))
