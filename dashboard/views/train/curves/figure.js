/** The figure of a run's curves: four panels with their lines, the marks of what happened, and labels that do not overlap. */
import { axis, look } from "../../../components/chart/plotly.js"
import { PANELS } from "../../../../vae/browser/lib/curve_panels.js"
import { mix } from "../../../../vae/browser/lib/theme.js"
import { betaBefore, betaChanges, between, binned, extent, short } from "./lines.js"

/** Points drawn of one curve; more are averaged. */
const DRAWN = 700
/** A chart narrower than this, in CSS pixels, has one column of panels. */
export const NARROW = 400
/** Rows in which labels of changes of β may stand. */
const LABEL_ROWS = 3

export const AXES = {
  epoch: { label: "Epochs", title: "epochs", of: (line) => line.epoch },
  step: { label: "Steps", title: "steps", of: (line) => line.step },
  seconds: { label: "Time", title: "training time in s", of: (line) => line.seconds },
}

const WORDS = {
  pause: "paused", resume: "continued", stop: "stopped", diverged: "diverged", finish: "finished", start: "",
}

/**
 * What plotly.js is to draw.
 * @param {Record<string, any>} history Lines of the run (`lib/stream.js`).
 * @param {{x: (line: object) => number, title: string, width: number, height: number, zoom: Record<string, number[]> | null,
 *   theme: import("../../../../vae/browser/lib/theme.js").Theme, colours: Record<string, string>}} how The horizontal axis and its title, size in CSS
 *   pixels, ranges that the person chose, and colours.
 * @returns {{traces: object[], layout: object, marks: string[]}} `marks` are the labels of β's changes.
 */
export function figure(history, { x, title, width, height: asked, zoom, theme, colours }) {
  const columns = width < NARROW ? 1 : 2
  const rows = PANELS.length / columns
  const height = columns === 1 ? asked * 1.8 : asked
  const end = Math.max(x(history.last), ...history.events.slice(-1).map(x), ...history.validation.slice(-1).map(x))
  const span = zoom?.x ?? [0, end > 0 ? end * 1.02 : 1]
  const margin = (span[1] - span[0]) * 0.02
  const visible = (lines) => between(lines, x, span[0] - margin, span[1] + margin)
  const train = binned(visible(history.train), DRAWN)
  const validation = binned(visible(history.validation), DRAWN / 2)
  const traces = []
  const layout = { ...look(theme), height, width, margin: { l: 56, r: 16, t: 24, b: 40 }, annotations: [], shapes: [], hovermode: "x", dragmode: "zoom" }
  const [gapX, gapY] = [72 / width, 72 / height]
  const size = [(1 - gapX * (columns - 1)) / columns, (1 - gapY * (rows - 1)) / rows]
  PANELS.forEach((panel, k) => {
    const suffix = k ? String(k + 1) : ""
    const [column, row] = [k % columns, Math.floor(k / columns)]
    const colour = colours[panel.name]
    const values = traces.length
    if (panel.name === "beta") {
      traces.push(line(train, x, panel.of, { color: colour, shape: "hv", width: 2 }, suffix, "β %{y:.4~g}"))
      traces.push(eventTrace(history, x, span, suffix, theme))
    } else {
      traces.push(line(train, x, panel.of, { color: colour, width: 1.5 }, suffix, "training %{y:.2f} nats", 0.55))
      traces.push({
        ...line(validation, x, panel.of, { color: colour, width: 1.5 }, suffix, "validation %{y:.2f} nats"),
        mode: "lines+markers", marker: { color: colour, size: 5 },
      })
    }
    const left = column * (size[0] + gapX)
    const top = 1 - row * (size[1] + gapY)
    const drawn = traces.slice(values).filter(({ meta }) => meta !== "events").flatMap(({ y }) => y)
    layout[`xaxis${suffix}`] = {
      ...axis(theme), domain: [left, left + size[0]], anchor: `y${suffix}`, range: span,
      title: { text: row === rows - 1 ? title : "", font: { size: 12 }, standoff: 8 },
      ...(k ? { matches: "x" } : {}), showspikes: false, showgrid: false, showline: true, ticks: "outside", ticklen: 4,
    }
    layout[`yaxis${suffix}`] = {
      ...axis(theme), domain: [top - size[1], top], anchor: `x${suffix}`,
      range: zoom?.[`yaxis${suffix}`] ?? extent(drawn, panel.name),
      title: { text: panel.name === "beta" ? "" : "nats per image", font: { size: 12 }, standoff: 6 },
      nticks: 5, tickformat: "~g", fixedrange: panel.name === "beta",
    }
    layout.annotations.push({
      text: panel.title, xref: "paper", yref: "paper", x: left, y: top, xanchor: "left", yanchor: "bottom", yshift: 4,
      showarrow: false, font: { size: 13, color: theme.text, weight: 600 },
    })
  })
  const marks = mark(history, { x, span, layout, width: width * size[0], theme, colours })
  return { traces, layout, marks }
}

function line(lines, x, y, style, suffix, text, opacity = 1) {
  return {
    type: "scatter", mode: lines.length > 1 ? "lines" : "markers", x: lines.map(x), y: lines.map(y), line: style, opacity,
    marker: { color: style.color, size: 5 }, xaxis: `x${suffix}`, yaxis: `y${suffix}`, hovertemplate: `${text}<extra></extra>`,
  }
}

/** Pauses, stops and the like as small marks in the β panel, each telling itself on hover. */
function eventTrace(history, x, span, suffix, theme) {
  const events = history.events.filter((line) => WORDS[line.event] && x(line) >= span[0] && x(line) <= span[1])
  return {
    type: "scatter", mode: "markers", meta: "events", x: events.map(x), y: events.map((line) => line.beta ?? betaBefore(history.train, line.step) ?? 0), xaxis: `x${suffix}`,
    yaxis: `y${suffix}`, marker: { color: theme.text, size: 7, symbol: "diamond-open" }, text: events.map((line) => WORDS[line.event]),
    hovertemplate: "%{text}<extra></extra>",
  }
}

/** Vertical lines where β or the course changed, in every panel; what β did is written in its own. */
function mark(history, { x, span, layout, width, theme, colours }) {
  const near = (10 * (span[1] - span[0])) / width
  const groups = []
  for (const change of betaChanges(history)) {
    const at = x(change.line)
    if (at < span[0] || at > span[1]) continue
    const last = groups[groups.length - 1]
    if (last && at - last.at < near) Object.assign(last, { at, to: change.to })
    else groups.push({ at, from: change.from, to: change.to })
  }
  const turns = history.events.filter((line) => WORDS[line.event] && x(line) >= span[0] && x(line) <= span[1]).map(x)
  const soft = mix(theme.background, theme.text, 0.35)
  PANELS.forEach((panel, k) => {
    const suffix = k ? String(k + 1) : ""
    const vertical = (at, style) =>
      layout.shapes.push({ type: "line", xref: `x${suffix}`, yref: `y${suffix} domain`, x0: at, x1: at, y0: 0, y1: 1, layer: "below", line: style })
    for (const { at } of groups) vertical(at, { color: colours.beta, width: 1.5, dash: "dot" })
    for (const at of turns) vertical(at, { color: soft, width: 1, dash: "dash" })
    if (panel.name !== "beta") return
    // Labels stand right of their line, or left where the panel ends, in the first row that has room for them.
    const rows = Array.from({ length: LABEL_ROWS }, () => -Infinity)
    for (const { at, from, to } of groups) {
      if (from === to) continue
      const text = `β ${short(from)} → ${short(to)}`
      const pixels = ((at - span[0]) / (span[1] - span[0])) * width
      const needed = 7 * text.length
      const left = pixels + needed > width
      const [start, end] = left ? [pixels - needed, pixels] : [pixels, pixels + needed]
      const row = rows.findIndex((free) => free <= start)
      if (row < 0) continue
      rows[row] = end
      layout.annotations.push({
        text, xref: `x${suffix}`, yref: `y${suffix} domain`, x: at, y: 1, xanchor: left ? "right" : "left", yanchor: "top",
        xshift: left ? -3 : 3, yshift: -14 * row, showarrow: false, font: { size: 11, color: colours.beta },
        bgcolor: theme.background, borderpad: 0, opacity: 0.9,
      })
    }
  })
  return groups.map(({ from, to }) => `β ${short(from)} → ${short(to)}`)
}
