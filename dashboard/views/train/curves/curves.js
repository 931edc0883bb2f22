/** Live curves of a run: reconstruction, KL, −ELBO and β, with marks where something happened. */
import { radioGroup } from "../../../../vae/browser/lib/choices.js"
import { PANELS } from "../../../../vae/browser/lib/curve_panels.js"
import { Echo } from "../../../../vae/browser/lib/echo.js"
import { timeOf } from "../../../components/source/source.js"
import { chosen, passing } from "../../../streamlit_internals/address.js"
import { count, element, number, say } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { adoptStyle, CONFIG, enlarged, plotly } from "../../../components/chart/plotly.js"
import { plotlyMenu } from "../../../components/chart/saving.js"
import { listen } from "../../../components/source/stream.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { timeCursor } from "./cursor.js"
import { collapseOf } from "./collapse.js"
import { AXES, figure, NARROW } from "./figure.js"
import { lineAt, newest, short } from "./lines.js"
import { effectWords } from "./step_effect.js"

/** So long a zoom rests before the link says it, ms. */
const REST = 300
/** Between two drawings at least so many ms, and so many times what the last one took: a trainer may share the machine. */
const PAUSE = 200
const SHARE = 6
/** Charts lower than this, in CSS pixels, have their own height, and the card grows. */
const LEAST = 240
const WAITING = "Waiting for the first metrics…"
const STATES = {
  new: "Not started", queued: "Queued", starting: "Starting…", running: "Training", paused: "Paused", finished: "Finished",
  stopped: "Stopped", interrupted: "Interrupted: the trainer has ended", diverged: "Diverged", failed: "Failed",
  unknown: "Unknown: the status file is damaged",
}

export default inStreamlit(mountable(import.meta.url, (root) => {
  const pill = element("span", { class: "pill" }, "Connecting…")
  const progress = element("span", { class: "ll-note progress" })
  const filled = element("div")
  const bar = element("div", { class: "bar", role: "progressbar", "aria-label": "Training", "aria-valuemin": 0, "aria-valuemax": 100 }, filled)
  const alarm = element("p", { class: "alarm", role: "status", hidden: true })
  const collapsed = element("span", {})
  const collapse = element(
    "div", { class: "alarm collapse", role: "status", hidden: true }, collapsed,
    element("button", { class: "ll-button", type: "button", dataset: { control: "diagnosis" }, onclick: () => component.onChange("diagnose", data.run) }, "See the diagnosis"),
  )
  const effect = element("p", { class: "ll-note effect", role: "status", hidden: true })
  const figures = Object.fromEntries(
    PANELS.map(({ name, label }) => {
      const train = element("strong", {}, "–")
      const validation = element("span", { class: "ll-note" })
      const unit = name === "beta" ? "" : "nats"
      const cell = element(
        "div", { class: "figure", dataset: { figure: name } },
        element("span", { class: "ll-note name", title: label }, element("i", { class: "key" }), label),
        element("span", { class: "value" }, train, element("span", { class: "unit" }, unit)), validation,
      )
      return [name, { cell, train, validation }]
    }),
  )
  const choice = radioGroup("Horizontal axis", Object.fromEntries(Object.entries(AXES).map(([name, { label }]) => [name, label])), (name) => {
    choose(name)
    tell(chosen)
  }, { control: "axis" })
  const unzoom = element("button", { class: "ll-button", type: "button", hidden: true, dataset: { control: "zoom" }, onclick: () => resetZoom() }, "Reset zoom")
  /** @type {any} Plotly's element. */
  const chart = element("div", { class: "chart", dataset: { control: "chart" } })
  const cursor = timeCursor(chart, PANELS)
  const empty = element("p", { class: "ll-message" }, WAITING)
  const meaning = element("span", { class: "meaning" })
  const legend = element(
    "span", { class: "ll-note legend" }, element("i", { class: "line" }), "training",
    element("i", { class: "dots" }), "validation", meaning,
  )
  const stage = element("div", { class: "stage" }, chart, ...cursor.nodes, empty)
  root.replaceChildren(
    element(
      "section", { class: "ll-card panel", "aria-label": "Training curves" },
      element("div", { class: "ll-row head" }, pill, progress, unzoom, choice.node),
      bar, alarm, collapse, effect,
      element("div", { class: "figures" }, ...PANELS.map(({ name }) => figures[name].cell)),
      element("div", { class: "ll-row" }, legend, element("span", { class: "grow" }), plotlyMenu(chart, () => `${data.run}-training`)),
      stage,
    ),
  )

  let component = null
  /** @type {import("./state").State} What Python told. */
  let data = null
  let colours = {}
  let look_ = null
  let axisName = ""
  let begun = ""
  let echo = new Echo()
  let resting = 0
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
  observer.observe(stage)
  const onVisible = () => !document.hidden && schedule()
  document.addEventListener("visibilitychange", onVisible)

  void plotly((sentence) => say(empty, sentence || WAITING)).then((loaded) => { Plotly = loaded; schedule(true) })

  function choose(name, span = null) {
    axisName = name
    zoom = span && { x: [...span] }
    choice.value = name
    schedule(true)
  }

  /** Something else is in view, and the link says it: a choice to come back to, or not. */
  function tell(how) {
    clearTimeout(resting)
    const span = zoom?.x?.map((value) => Number(value.toPrecision(7))) ?? null
    const said = JSON.stringify([axisName, span])
    if (gone || said === echo.last()) return
    echo.tell(said)
    how()
    component.onChange("view", { x: axisName, span })
  }

  function tellSoon() {
    clearTimeout(resting)
    resting = setTimeout(() => tell(passing), REST)
  }

  function resetZoom() {
    zoom = null
    schedule(true)
    tellSoon()
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
      say(empty, stream.connection === "gone" ? stream.sentence : WAITING)
      if (chart.data) Plotly.purge(chart)
      return
    }
    const { of: x, title } = AXES[axisName]
    const { traces, layout, marks } = figure(history, { x, title, width: chart.clientWidth, height: roomFor(chart.clientWidth), zoom, theme: look_, colours })
    root.dataset.marks = JSON.stringify(marks)
    adoptStyle(chart)
    const scale = Number.parseFloat(getComputedStyle(root).getPropertyValue("--ll-scale")) || 1
    Plotly.react(chart, enlarged(traces, scale), enlarged(layout, scale), { ...CONFIG, displayModeBar: false, doubleClick: false })
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

  /** What the card has left for the charts; of one column of panels the page may scroll. */
  function roomFor(width) {
    const left = stage.clientHeight
    return width < NARROW || left < LEAST ? data.height : left
  }

  function showTime() {
    if (!time || !stream) return
    showFigures(stream.history)
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
      tellSoon()
    }
  }

  /** The numbers of now, over the last epoch; where the scrubber is at a snapshot, those of its step. */
  function showFigures(history) {
    const shown = time?.shown
    const now = history.train.length ? newest(history.train) : undefined
    const line = shown && history.train.length ? lineAt(history.train, shown.step) : now
    const checked = shown ? history.validation.findLast(({ step }) => step <= shown.step) : history.validation[history.validation.length - 1]
    root.dataset.tiles = shown ? String(shown.step) : "end"
    say(meaning, shown ? `numbers: at step ${count(shown.step)}, where the time machine is` : "numbers: mean over the last epoch")
    for (const { name, of } of PANELS) {
      const { train, validation } = figures[name]
      if (name === "beta") {
        const beta = shown ? shown.beta : (stream.status?.beta ?? line?.beta)
        say(train, beta === undefined || beta === null ? "–" : short(beta))
        const hand = stream.status?.control?.beta
        say(validation, shown ? "at this snapshot" : hand === null || hand === undefined ? "as configured" : "set by hand")
      } else {
        say(train, line ? number(of(line)) : "–")
        say(validation, checked ? `valid. ${number(of(checked))}` : "no validation yet")
        validation.title = checked ? `Validation ${number(of(checked))} nats at epoch ${number(checked.epoch, 0)}` : ""
      }
    }
    const found = now ? collapseOf(history, now.rate) : null
    collapse.hidden = !found
    root.dataset.collapse = found ? (found.fell ? "fell" : "stayed") : ""
    say(collapsed, found?.words ?? "")
    const last = stream.status?.state === "paused" ? history.events[history.events.length - 1] : undefined
    const words = last?.event === "step" ? effectWords(last) : ""
    effect.hidden = !words
    say(effect, words)
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
      filled.style.width = `${share}%`
      bar.setAttribute("aria-valuenow", String(Math.round(share)))
    }
    const words = {
      waiting: sentence || "The server does not answer. The curves continue as soon as it does.",
      gone: sentence,
    }[connection] || status?.error || ""
    alarm.hidden = !words
    say(alarm, words)
    schedule()
  }

  return {
    update(next) {
      component = next
      data = component.state
      look_ = theme(root)
      colours = data.palette[look_.name]
      root.style.setProperty("--beta", colours.beta)
      root.style.setProperty("--charts", `${data.height}px`)
      for (const { name } of PANELS) figures[name].cell.style.setProperty("--key", colours[name])
      if (stream?.run !== data.run) {
        stop()
        echo = new Echo()
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
      // A run that was started just now: β, its buttons and the pictures are at the top of the page.
      if (data.begun && data.begun !== begun) toTop(root)
      begun = data.begun
      // An older echo does not undo what was chosen since.
      if (echo.isNews(JSON.stringify([data.x, data.span]))) choose(data.x, data.span)
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
      clearTimeout(resting)
      cursor.unmount()
      cancelAnimationFrame(frame)
      observer.disconnect()
      document.removeEventListener("visibilitychange", onVisible)
      if (chart.data) Plotly.purge(chart)
    },
  }
}))

/** Scroll whatever the component stands in to its top. */
function toTop(node) {
  for (let at = node; at; at = at.parentNode ?? at.host) {
    if (at.scrollTop > 0) at.scrollTo({ top: 0, behavior: "instant" })
  }
}

function clock(seconds) {
  const whole = Math.floor(seconds)
  const pad = (value) => String(value).padStart(2, "0")
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)} h` : `${minutes}:${pad(whole % 60)} min`
}
