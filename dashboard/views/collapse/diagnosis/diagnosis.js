/** What became of z in a run: the verdict and its charts, at the page's time. Numbers come from the server, when they are ready. */
import { timeOf } from "../../../components/source/source.js"
import { element } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { plotly } from "../../../components/chart/plotly.js"
import { listen } from "../../../components/source/stream.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { courseCard } from "../../../../vae/browser/diagnosis/course.js"
import { curvesCard } from "./curves.js"
import { ratesCard, usageCard, varianceCard } from "./dimensions.js"
import { findingsOf } from "./findings.js"
import { informationCard } from "./information.js"
import { tableCard } from "../../../../vae/browser/diagnosis/table.js"
import { verdictCard } from "../../../../vae/browser/diagnosis/verdict.js"

/** Between two drawings at least so many ms, and so many times what the last one took: a trainer may share the machine. */
const PAUSE = 200
const SHARE = 6
const WIDE = ["usage", "curves", "table"]

export default inStreamlit(mountable(import.meta.url, (root) => {
  const grid = element("div", { class: "grid" })
  root.replaceChildren(grid)
  const cards = {
    verdict: verdictCard, rates: ratesCard, usage: usageCard, information: informationCard, curves: curvesCard, table: tableCard,
    variance: () => varianceCard({ moved, released }),
    course: () => courseCard({ chosen, went: (step) => time.set(step, { source: "heat" }) }),
  }
  let component = null
  /** @type {import("./state").State} What Python told. */
  let data = null
  let Plotly = null
  let findings = null
  let time = null
  let history = null
  /** What is known of the run that stands beside this one, for a scale in common. */
  let twin = null
  let twinHistory = null
  let shown = []
  let listed = ""
  let quantity = ""
  /** What Python passed last, so that its late echo does not undo what was chosen since. */
  let heard = {}
  let stops = []
  let frame = 0
  let timer = 0
  let drawnAt = 0
  let cost = 0
  let gone = false

  const observer = new ResizeObserver(() => schedule(true))
  observer.observe(grid)
  const onVisible = () => schedule(true)
  document.addEventListener("visibilitychange", onVisible)
  void plotly().then((loaded) => { Plotly = loaded; schedule(true) })

  function schedule(now = false) {
    if (gone || frame || document.hidden) return
    const wait = now ? 0 : Math.max(0, drawnAt + Math.max(PAUSE, SHARE * cost) - performance.now())
    if (wait) {
      timer ||= setTimeout(() => { timer = 0; schedule(true) }, wait)
      return
    }
    frame = requestAnimationFrame(() => { frame = 0; void draw() })
  }

  async function draw() {
    if (gone || !data) return
    const began = performance.now()
    const colours = theme(root)
    const scale = Number.parseFloat(getComputedStyle(root).getPropertyValue("--ll-scale")) || 1
    const ink = Plotly && { Plotly, colours, palette: data.palette.curves[colours.name], scale }
    const state = { findings, time, history, twin, twinHistory, ink, root, data, quantity, heat: data.palette.heat, bounds: data.bounds }
    await Promise.all(shown.map((card) => card.draw(state)))
    drawnAt = performance.now()
    cost = drawnAt - began
    root.dataset.verdict = findings.found?.verdict?.name ?? ""
    root.dataset.step = String(findings.found?.step ?? "")
    root.dataset.at = String(findings.of?.at ?? "")
    root.dataset.threshold = String(findings.found?.active_threshold ?? "")
    if ((findings.found || findings.failure) && Plotly) root.dataset.ready = "true"
  }

  function moved(threshold) {
    findings.threshold = threshold
    schedule(true)
  }

  function released(threshold) {
    heard.threshold = threshold
    findings.judge(threshold)
    component.onChange("threshold", threshold)
  }

  function chosen(name) {
    heard.quantity = quantity = name
    component.onChange("quantity", name)
    schedule(true)
  }

  function follow() {
    for (const stop of stops) stop()
    history = twinHistory = null
    findings = findingsOf(data.run)
    time = timeOf(data.run)
    twin = data.beside ? findingsOf(data.beside) : null
    stops = [findings, time, twin].filter(Boolean).map((known) => known.subscribe(() => schedule()))
    if (!data.parts.includes("curves")) return
    stops.push(listen(data.run, { change: (all) => { history = all; schedule() } }).stop)
    if (twin) stops.push(listen(data.beside, { change: (all) => { twinHistory = all; schedule() } }).stop)
  }

  let runs = ""
  return {
    update(next) {
      component = next
      data = next.state
      const parts = JSON.stringify(data.parts)
      if (parts !== listed) {
        listed = parts
        shown = data.parts.filter((name) => name in cards).map((name) => cards[name]())
        grid.replaceChildren(...shown.map(({ node }) => node))
        grid.classList.toggle("beside", Boolean(data.beside))
        spread(/** @type {HTMLElement[]} */ ([...grid.children]).filter((node) => node.dataset.chart))
      }
      for (const { node } of shown) node.dataset.run = data.run
      if (runs !== `${data.run} ${data.beside}`) {
        runs = `${data.run} ${data.beside}`
        heard = {}
        delete root.dataset.ready
        follow()
        if (data.parts.includes("verdict")) arrive(root, runs)
      }
      if (heard.quantity !== data.quantity) heard.quantity = quantity = data.quantity
      const threshold = heard.threshold === data.threshold ? findings.threshold : data.threshold
      heard.threshold = data.threshold
      findings.adopt({ at: data.at, stamp: data.stamp, live: data.live, threshold })
      schedule(true)
    },
    unmount() {
      gone = true
      for (const stop of stops) stop()
      clearTimeout(timer)
      cancelAnimationFrame(frame)
      observer.disconnect()
      document.removeEventListener("visibilitychange", onVisible)
      for (const chart of root.querySelectorAll(".chart")) window.Plotly?.purge(chart)
    },
  }
}))

/** What the page showed last; a component that is only mounted anew moves nobody. */
let shownLast = ""

/** Whoever came here by a button further down sees the verdict, and not the middle of the page. */
function arrive(root, runs) {
  const isNew = runs !== shownLast
  shownLast = runs
  root.style.scrollMarginTop = "80px"
  if (isNew) requestAnimationFrame(() => root.getBoundingClientRect().top < 0 && root.scrollIntoView({ block: "start" }))
}

/** Charts that need all the width have a row of their own, and so has one that would stand alone in its row. */
function spread(nodes) {
  const narrow = nodes.filter(({ dataset }) => !WIDE.includes(dataset.chart))
  const alone = narrow.length % 2 ? narrow[narrow.length - 1] : null
  for (const node of nodes) node.classList.toggle("wide", node === alone || WIDE.includes(node.dataset.chart))
}
