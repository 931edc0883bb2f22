/** A diagnosis as it was made of the run: the verdict, the KL of each dimension, the dimensions along training, and all in numbers. */
import { dimName, element, number } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { mountable } from "../lib/mount.js"
import { contextOf } from "../lib/picture.js"
import { drawn, saveMenu } from "../lib/saving.js"
import { theme } from "../lib/theme.js"
import { timeOf } from "../lib/time.js"
import { card, ordered } from "./cards.js"
import { courseCard } from "./course.js"
import { dimensionTable, tableCard } from "./table.js"
import { activeOf, verdictCard } from "./verdict.js"

/** @typedef {{run: string, at: string, stamp: string, course: boolean, heat: Record<"light" | "dark", string[]>}} State */

export const mount = mountable(import.meta.url, (root, given) => {
  const { source } = given
  /** @type {State} */
  let data = given.state
  /** @type {any} */
  let time = null
  let stop = () => {}
  let quantity = "rate"
  /** @type {any} */
  const findings = { found: null, of: null, failure: "", busy: false, stages: [], threshold: 0.01 }
  const verdict = verdictCard()
  const bars = barsCard()
  const course = courseCard({ chosen: (name) => { quantity = name; draw() }, went: (step) => time.set(step, { source: "heat" }) })
  const table = tableCard()
  root.replaceChildren(element("div", { class: "grid" }, element("section", { class: "ll-card wide" }, verdict.node), bars.node, course.node, table.node))
  table.node.classList.add("wide")
  const observer = new ResizeObserver(() => draw())
  observer.observe(root)

  function draw() {
    const state = { findings, time, quantity, heat: data.heat, root, data: { live: false } }
    verdict.draw(state)
    void bars.draw(state)
    course.draw(state)
    table.draw(state)
    for (const { node } of [bars, course, table]) node.dataset.run = data.run
    root.dataset.verdict = findings.found?.verdict?.name ?? ""
    if (findings.found || findings.failure) root.dataset.ready = "true"
  }

  async function load() {
    const { run, at, stamp } = data
    Object.assign(findings, { found: null, failure: "", stages: [] })
    const asked = [source.get(run, "diagnosis", { at, v: stamp }, "json"), data.course ? source.get(run, "course", {}, "json") : { stages: [] }]
    const [found, along] = await Promise.allSettled(asked)
    if (run !== data.run) return
    if (found.status === "rejected") findings.failure = sentenceOf(found.reason)
    else {
      findings.found = found.value
      findings.of = { at, isNewest: true }
      findings.threshold = found.value.active_threshold
    }
    if (along.status === "fulfilled") findings.stages = along.value.stages
    draw()
  }

  return {
    /** @param {import("../lib/mount.js").Given<State>} next */
    update(next) {
      data = next.state
      if (time !== timeOf(source, data.run)) {
        stop()
        time = timeOf(source, data.run)
        stop = time.subscribe(() => draw())
        void load()
      } else draw()
    },
    unmount() {
      stop()
      observer.disconnect()
    },
  }
})

/** KL of each dimension as bars, the largest first. */
function barsCard() {
  /** @type {any} */
  let shown = null
  const menu = saveMenu(() => ({ name: `${made.node.dataset.run}-kl-per-dimension`, picture: () => picture(480), table: () => dimensionTable(shown?.findings.found, shown?.findings.threshold) }))
  const made = card("bars", "KL of each dimension", "Nats per image; pale bars are not active.", () => menu)
  const canvas = element("canvas", { role: "img" })
  made.chart.append(canvas)
  made.legend.remove()

  /** @param {number} width */
  function picture(width) {
    const { findings: { found, threshold }, root } = shown
    const { background, text, muted, grid, font } = theme(root)
    const ink = getComputedStyle(root).getPropertyValue("--ll-primary-color").trim() || text
    const order = ordered(found)
    const most = Math.max(1e-6, ...found.rate_per_dim)
    const [row, left, right] = [22, 40, 64]
    return drawn({
      width, height: order.length * row + 4, background,
      paint(context) {
        order.forEach((dim, k) => {
          const top = k * row + 2
          Object.assign(context, { font: `12px ${font}`, textBaseline: "middle", textAlign: "right", fillStyle: muted })
          context.fillText(dimName(dim), left - 8, top + row / 2)
          context.fillStyle = found.active_variance[dim] > threshold ? ink : grid
          context.fillRect(left, top + 3, Math.max(1, (width - left - right) * (found.rate_per_dim[dim] / most)), row - 6)
          Object.assign(context, { textAlign: "left", fillStyle: text })
          context.fillText(number(found.rate_per_dim[dim], 3), left + (width - left - right) * (found.rate_per_dim[dim] / most) + 6, top + row / 2)
        })
      },
      // The canvas of the page is drawn with the same function.
    })
  }

  return {
    node: made.node,
    /** @param {any} state */
    async draw(state) {
      shown = state
      const { found } = state.findings
      const width = made.chart.clientWidth
      if (!found || !width) return
      canvas.setAttribute("aria-label", `KL of each dimension: ${activeOf(found.num_active, found.latent_dim)}`)
      const bitmap = await createImageBitmap(await picture(width).png())
      Object.assign(canvas, { width: bitmap.width, height: bitmap.height })
      canvas.style.width = `${bitmap.width / 2}px`
      contextOf(canvas).drawImage(bitmap, 0, 0)
    },
  }
}
