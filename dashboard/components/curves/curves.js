/** Live curves of a run: reconstruction, KL, −ELBO and β, with marks where something happened. */
import { count, element, mounted, number, say } from "../lib/dom.js"
import { adoptStyle, axis, CONFIG, look, plotly } from "../lib/plotly.js"
import { listen } from "../lib/stream.js"
import { mix, theme } from "../lib/theme.js"
import { timeOf } from "../lib/time.js"
import { timeCursor } from "./cursor.js"
import { betaBefore, betaChanges, between, binned, extent, newest } from "./lines.js"

/** Between two drawings at least so many ms, and so many times what the last one took: a trainer may share the machine. */
const PAUSE = 200
const SHARE = 6
/** Points drawn of one curve; more are averaged. */
const DRAWN = 700
/** Rows in which labels of changes of β may stand. */
const LABEL_ROWS = 3

const PANELS = [
  { name: "distortion", title: "Reconstruction −log p(x|z)", label: "Reconstruction", of: (line) => line.distortion },
  { name: "rate", title: "KL(q(z|x) ‖ p(z))", label: "KL", of: (line) => line.rate },
  { name: "elbo", title: "−ELBO at β = 1", label: "−ELBO", of: (line) => -line.elbo },
  { name: "beta", title: "β, the weight of the KL", label: "β", of: (line) => line.beta },
]

const AXES = {
  epoch: { label: "Epochs", title: "epochs", of: (line) => line.epoch },
  step: { label: "Steps", title: "steps", of: (line) => line.step },
  seconds: { label: "Time", title: "training time in s", of: (line) => line.seconds },
}

const STATES = {
  new: "Not begun", queued: "Waiting for its turn", starting: "Starting…", running: "Training", paused: "Paused", finished: "Finished",
  stopped: "Stopped", interrupted: "Interrupted: the trainer is gone", diverged: "Diverged", failed: "Failed",
  unknown: "Unknown: the status file is damaged",
}

export default mounted((root) => {
  const pill = element("span", { class: "pill" }, "Connecting…")
  const progress = element("span", { class: "ll-note" })
  const bar = element("div", { class: "bar", role: "progressbar", "aria-label": "Training", "aria-valuemin": 0, "aria-valuemax": 100 }, element("div", {}))
  const alarm = element("p", { class: "alarm", role: "status", hidden: true })
  const figures = Object.fromEntries(
    PANELS.map(({ name, label }) => {
      const train = element("strong", {}, "–")
      const validation = element("span", { class: "ll-note" })
      const unit = name === "beta" ? "" : "nats"
      const cell = element(
        "div", { class: "figure", dataset: { figure: name } },
        element("span", { class: "ll-note name" }, element("i", { class: "key" }), label),
        element("span", { class: "value" }, train, element("span", { class: "unit" }, unit)), validation,
      )
      return [name, { cell, train, validation }]
    }),
  )
  const group = `axis-${crypto.getRandomValues(new Uint32Array(1))[0]}`
  const choice = element(
    "fieldset", { class: "ll-choice" }, element("legend", { class: "ll-sr" }, "Horizontal axis"),
    ...Object.entries(AXES).map(([name, { label }]) =>
      element("label", {}, element("input", { type: "radio", name: group, value: name, onchange: () => choose(name) }), label)),
  )
  const unzoom = element("button", { class: "ll-button", type: "button", hidden: true, onclick: resetZoom }, "Reset zoom")
  const chart = element("div", { class: "chart" })
  const cursor = timeCursor(chart, PANELS)
  const empty = element("p", { class: "ll-message" }, "Waiting for the first numbers…")
  const legend = element(
    "span", { class: "ll-note legend" }, element("i", { class: "line" }), "training (mean since the last point; the figures: over the last epoch)",
    element("i", { class: "dots" }), "validation",
  )
  root.replaceChildren(
    element(
      "section", { class: "ll-card panel", "aria-label": "Training curves" },
      element("div", { class: "ll-row head" }, pill, progress, element("span", { class: "grow" }), unzoom, choice),
      bar, alarm,
      element("div", { class: "figures" }, ...PANELS.map(({ name }) => figures[name].cell)),
      element("div", { class: "ll-row" }, legend),
      element("div", { class: "stage" }, chart, ...cursor.nodes, empty),
    ),
  )

  let data = null
  let colours = {}
  let look_ = null
  let axisName = ""
  let asked = ""
  let stream = null
  let stop = () => {}
  let time = null
  let stopTime = () => {}
  let Plotly = null
  let zoom = null
  let timer = 0
  let frame = 0
  let drawnAt = 0
  let cost = 0
  let gone = false

  const observer = new ResizeObserver(() => schedule(true))
  observer.observe(chart)
  const onVisible = () => !document.hidden && schedule()
  document.addEventListener("visibilitychange", onVisible)

  plotly().then((loaded) => { Plotly = loaded; schedule(true) }, (error) => say(empty, error.message))

  function choose(name) {
    axisName = name
    zoom = null
    for (const input of choice.querySelectorAll("input")) input.checked = input.value === name
    schedule(true)
  }

  function resetZoom() {
    zoom = null
    schedule(true)
  }

  /** Draw soon: at once for the person, at most some times a second for new numbers. */
  function schedule(now = false) {
    if (gone || !Plotly || !stream || !data) return
    if (now) {
      clearTimeout(timer)
      timer = 0
    }
    if (timer || frame) return
    const wait = now ? 0 : Math.max(0, drawnAt + Math.max(PAUSE, SHARE * cost) - performance.now())
    timer = setTimeout(() => {
      timer = 0
      if (document.hidden) return
      frame = requestAnimationFrame(() => {
        frame = 0
        draw()
      })
    }, wait)
  }

  function draw() {
    if (gone || !chart.isConnected || !chart.clientWidth) return
    const started = performance.now()
    const { history } = stream
    showFigures(history)
    root.dataset.points = String(history.train.length)
    root.dataset.received = String(history.received)
    root.dataset.events = String(history.events.length)
    const some = history.train.length > 0
    empty.hidden = some
    if (!some) {
      say(empty, stream.connection === "gone" ? stream.sentence : "Waiting for the first numbers…")
      if (chart.data) Plotly.purge(chart)
      return
    }
    const { traces, layout } = figure(history)
    adoptStyle(chart)
    Plotly.react(chart, traces, layout, { ...CONFIG, displayModeBar: false, doubleClick: false })
    if (!chart.llListens) {
      chart.llListens = true
      chart.on("plotly_relayout", onZoom)
      chart.on("plotly_doubleclick", resetZoom)
    }
    unzoom.hidden = !zoom
    showTime()
    root.dataset.ready = "true"
    drawnAt = performance.now()
    cost = drawnAt - started
  }

  function showTime() {
    if (!time || !stream) return
    root.dataset.cursor = time.shown ? String(time.shown.step) : "end"
    cursor.draw({ time, of: AXES[axisName].of, train: stream.history.train, empty: !empty.hidden })
  }

  function onZoom(change) {
    const next = { ...(zoom ?? {}) }
    for (const [name, value] of Object.entries(change)) {
      const found = /^([xy]axis\d?)\.range(?:\[([01])\])?$/.exec(name)
      if (!found) continue
      // The horizontal axes move together.
      const target = found[1].startsWith("x") ? "x" : found[1]
      if (found[2] === undefined) next[target] = [...value]
      else {
        next[target] = [...(next[target] ?? chart.layout[found[1]].range)]
        next[target][Number(found[2])] = value
      }
    }
    if (Object.keys(next).length) {
      zoom = next
      schedule(true)
    }
  }

  function figure(history) {
    const x = AXES[axisName].of
    const columns = chart.clientWidth < 560 ? 1 : 2
    const rows = PANELS.length / columns
    const height = columns === 1 ? data.height * 1.8 : data.height
    const end = Math.max(x(history.last), ...history.events.slice(-1).map(x), ...history.validation.slice(-1).map(x))
    const span = zoom?.x ?? [0, end > 0 ? end * 1.02 : 1]
    const margin = (span[1] - span[0]) * 0.02
    const visible = (lines) => between(lines, x, span[0] - margin, span[1] + margin)
    const train = binned(visible(history.train), DRAWN)
    const validation = binned(visible(history.validation), DRAWN / 2)
    const traces = []
    const layout = { ...look(look_), height, width: chart.clientWidth, margin: { l: 56, r: 16, t: 24, b: 40 }, annotations: [], shapes: [], hovermode: "x", dragmode: "zoom" }
    const [gapX, gapY] = [72 / chart.clientWidth, 72 / height]
    const size = [(1 - gapX * (columns - 1)) / columns, (1 - gapY * (rows - 1)) / rows]
    PANELS.forEach((panel, k) => {
      const suffix = k ? String(k + 1) : ""
      const [column, row] = [k % columns, Math.floor(k / columns)]
      const colour = colours[panel.name]
      const values = traces.length
      if (panel.name === "beta") {
        traces.push(line(train, x, panel.of, { color: colour, shape: "hv", width: 2 }, suffix, "β %{y:.4~g}"))
        traces.push(eventTrace(history, x, span, suffix))
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
        ...axis(look_), domain: [left, left + size[0]], anchor: `y${suffix}`, range: span,
        title: { text: row === rows - 1 ? AXES[axisName].title : "", font: { size: 12 }, standoff: 8 },
        ...(k ? { matches: "x" } : {}), showspikes: false, showgrid: false, showline: true, ticks: "outside", ticklen: 4,
      }
      layout[`yaxis${suffix}`] = {
        ...axis(look_), domain: [top - size[1], top], anchor: `x${suffix}`,
        range: zoom?.[`yaxis${suffix}`] ?? extent(drawn, panel.name),
        title: { text: panel.name === "beta" ? "" : "nats per image", font: { size: 12 }, standoff: 6 },
        nticks: 5, tickformat: "~g", fixedrange: panel.name === "beta",
      }
      layout.annotations.push({
        text: panel.title, xref: "paper", yref: "paper", x: left, y: top, xanchor: "left", yanchor: "bottom", yshift: 4,
        showarrow: false, font: { size: 13, color: look_.text, weight: 600 },
      })
    })
    mark(history, x, span, layout, chart.clientWidth * size[0])
    return { traces, layout }
  }

  function line(lines, x, y, style, suffix, text, opacity = 1) {
    return {
      type: "scatter", mode: lines.length > 1 ? "lines" : "markers", x: lines.map(x), y: lines.map(y), line: style, opacity,
      marker: { color: style.color, size: 5 }, xaxis: `x${suffix}`, yaxis: `y${suffix}`, hovertemplate: `${text}<extra></extra>`,
    }
  }

  /** Pauses, stops and the like as small marks in the β panel, each telling itself on hover. */
  function eventTrace(history, x, span, suffix) {
    const events = history.events.filter((line) => WORDS[line.event] && x(line) >= span[0] && x(line) <= span[1])
    return {
      type: "scatter", mode: "markers", meta: "events", x: events.map(x), y: events.map((line) => line.beta ?? betaBefore(history.train, line.step) ?? 0), xaxis: `x${suffix}`,
      yaxis: `y${suffix}`, marker: { color: look_.text, size: 7, symbol: "diamond-open" }, text: events.map((line) => WORDS[line.event]),
      hovertemplate: "%{text}<extra></extra>",
    }
  }

  /** Vertical lines where β or the course changed, in every panel; what β did is written in its own. */
  function mark(history, x, span, layout, width) {
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
    const soft = mix(look_.background, look_.text, 0.35)
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
          bgcolor: look_.background, borderpad: 0, opacity: 0.9,
        })
      }
    })
    root.dataset.marks = JSON.stringify(groups.map(({ from, to }) => `β ${short(from)} → ${short(to)}`))
  }

  function showFigures(history) {
    const line = history.train.length ? newest(history.train) : undefined
    const checked = history.validation[history.validation.length - 1]
    for (const { name, of } of PANELS) {
      const { train, validation } = figures[name]
      if (name === "beta") {
        const beta = stream.status?.beta ?? line?.beta
        say(train, beta === undefined || beta === null ? "–" : short(beta))
        const hand = stream.status?.control?.beta
        say(validation, hand === null || hand === undefined ? "as configured" : "set by hand")
      } else {
        say(train, line ? number(of(line)) : "–")
        say(validation, checked ? `validation ${number(of(checked))} at epoch ${number(checked.epoch, 0)}` : "no validation yet")
      }
    }
  }

  function showStatus() {
    const { status, connection, sentence } = stream
    root.dataset.connection = connection
    if (status) {
      root.dataset.state = status.state
      pill.dataset.state = status.state
      say(pill, STATES[status.state] ?? status.state)
      const parts = [`epoch ${number(status.epoch, status.epoch < 10 ? 2 : 1)}`, `step ${count(status.step)} of ${count(status.num_steps)}`, clock(status.seconds)]
      if (status.state === "running") parts.push(`${count(status.images_per_second)} images/s`)
      say(progress, status.num_steps ? parts.join(" · ") : "")
      const share = status.num_steps ? Math.min(100, (100 * status.step) / status.num_steps) : 0
      bar.firstChild.style.width = `${share}%`
      bar.setAttribute("aria-valuenow", String(Math.round(share)))
    }
    const words = {
      waiting: sentence || "The server does not answer; the curves go on as soon as it does.",
      gone: sentence,
    }[connection] || status?.error || ""
    alarm.hidden = !words
    say(alarm, words)
    schedule()
  }

  return {
    update(component) {
      data = component.data
      look_ = theme(root)
      colours = data.palette[look_.name]
      root.style.setProperty("--beta", colours.beta)
      for (const { name } of PANELS) figures[name].cell.style.setProperty("--key", colours[name])
      if (asked !== data.x || !axisName) {
        asked = data.x
        choose(data.x)
      }
      if (stream?.run !== data.run) {
        stop()
        zoom = null
        delete root.dataset.ready
        let early = true
        const heard = listen(data.run, {
          change: () => early || schedule(),
          event: () => schedule(true),
          status: () => early || showStatus(),
          connection: () => early || showStatus(),
        })
        early = false
        ;({ stream, stop } = heard)
        showStatus()
      }
      if (time !== timeOf(data.run)) {
        stopTime()
        time = timeOf(data.run)
        stopTime = time.subscribe(showTime)
      }
      schedule(true)
    },
    unmount() {
      gone = true
      stop()
      stopTime()
      clearTimeout(timer)
      cursor.unmount()
      cancelAnimationFrame(frame)
      observer.disconnect()
      document.removeEventListener("visibilitychange", onVisible)
      if (chart.data) Plotly.purge(chart)
    },
  }
})

const WORDS = {
  pause: "paused", resume: "went on", stop: "stopped", diverged: "diverged", finish: "finished", start: "",
}

function short(value) {
  return String(Number(value.toPrecision(4)))
}

function clock(seconds) {
  const whole = Math.floor(seconds)
  const pad = (value) => String(value).padStart(2, "0")
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)} h` : `${minutes}:${pad(whole % 60)} min`
}
