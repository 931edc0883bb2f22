/** Whose truth is told: a test image or a drawing; the true posterior with q over it; and log p(x) as a sum. */
import { latest } from "../../../../vae/browser/lib/latest.js"
import { Echo } from "../../../../vae/browser/lib/echo.js"
import { decoderOf, server, timeOf } from "../../../components/source/source.js"
import { drawingBody } from "../../../../vae/browser/drawing_pad/tools.js"
import { Gallery } from "../../../../vae/browser/test_images/gallery.js"
import { Pad } from "../../../../vae/browser/drawing_pad/pad.js"
import { tabRow } from "../../../../vae/browser/lib/tabs.js"
import { arrays, sizeOf } from "../../../../vae/browser/lib/arrays.js"
import { element, explain, number, say } from "../../../../vae/browser/lib/dom.js"
import { sentenceOf } from "../../../../vae/browser/lib/errors.js"
import { tell as tellFacts } from "../../../../vae/browser/lib/facts.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { Kept } from "../../../../vae/browser/lib/kept.js"
import { paint } from "../../../../vae/browser/lib/picture.js"
import { atRest } from "../../../../vae/browser/lib/rest.js"
import { Question } from "../../../../vae/browser/lib/asking.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { plotlyMenu } from "../../../components/chart/saving.js"
import { inset } from "./inset.js"
import { plot, spanOf, tableOf } from "./plot.js"

/** Python hears of a choice so long after it, ms; the server of a moment that is only passed, not at all. */
const REST = 350
const PASSING = 90
/** Bytes of answers that are kept. */
const ROOM = 64e6
const TABS = { test: "Test image", draw: "Draw" }

export default inStreamlit(mountable(import.meta.url, (root) => {
  let component = null
  /** @type {import("./state").State} What Python told. */
  let data = null
  let time = null
  let stop = () => {}
  let chosen = null
  let echo = new Echo()
  let gone = false
  let wanted = ""
  let shown = ""
  let found = null
  let place = ""
  /** The server's answers, and what each is of, by their address. */
  const answers = new Kept(ROOM)
  let question = null
  const answering = latest(answer, () => question.makeWay())
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let asking
  const telling = atRest(tell, REST)
  /** What the image that is asked about is called. */
  let title = ""

  const pad = new Pad({ change: () => drew(), release: () => telling.soon() })
  const gallery = new Gallery(server, ({ row }) => { choose({ row }) })
  const bodies = { test: gallery.root, draw: drawingBody(pad) }
  const tabs = tabRow(TABS, bodies, "Image to compute the exact posterior of", (name) => choose({ panel: name }))
  const chart = element("div", { class: "plot", role: "figure", "aria-label": "True posterior and q(z|x)" })
  const message = element("p", { class: "ll-message", hidden: true })
  const marks = { truth: element("span"), encoder: element("span") }
  const dots = { truth: element("i", { dataset: { of: "truth" } }), encoder: element("i", { dataset: { of: "encoder" } }) }
  const key = element(
    "p", { class: "ll-note key" }, ...Object.entries(marks).map(([of, words]) => element("span", {}, dots[of], words)),
  )
  const canvas = element("canvas", { class: "ll-pixels", role: "img", "aria-label": "The image as the model sees it" })
  const name = element("strong")
  const where = element("span", { class: "ll-note", role: "status" })
  const cell = () => element("td")
  const [elbo, gap, total] = [cell(), cell(), cell()]
  const sum = element(
    "table", { class: "sum" },
    element("tbody", {},
      element("tr", {}, element("th", { scope: "row" }, "ELBO"), elbo),
      element("tr", {}, element("th", { scope: "row" }, "+ KL(q ‖ p(z|x))"), gap),
      element("tr", { class: "total" }, element("th", { scope: "row" }, "log p(x)"), total),
    ),
  )
  const check = element("p", { class: "ll-note hint" })
  const means = element("p", { class: "ll-note" })
  const where_ = inset()
  const numbers = element(
    "section", { class: "ll-card numbers", "aria-label": "log p(x) of this image", "aria-live": "polite" },
    element("h3", { class: "ll-title" }, "Exact log p(x)"), element("div", { class: "now" }, canvas, element("div", {}, name, element("br"), where)), sum, where_.node, check, means,
  )
  const square = element("div", { class: "square" }, chart)
  const save = plotlyMenu(chart, () => `${data.run}-posterior-${title}`, () => tableOf(found))
  const plotted = element(
    "section", { class: "ll-card plotted", "aria-label": "Posterior" },
    element("div", { class: "ll-head" }, element("h3", { class: "ll-title" }, "True posterior and q(z|x)"), save), square, message, key,
  )
  const frame = element(
    "div", { class: "truth" }, element("section", { class: "ll-card pick", "aria-label": "Image" }, tabs.root, element("div", {}, ...Object.values(bodies))),
    plotted, numbers,
  )
  root.replaceChildren(frame)
  const observer = new ResizeObserver(() => draw())
  observer.observe(square)

  // Whose truth ----------------------------------------------------------------------------------------------------

  function choose(some) {
    const before = chosen.panel
    chosen = { ...chosen, ...some }
    if (chosen.panel !== before) tabs.open(chosen.panel)
    ask()
    telling.soon()
  }

  function drew() {
    chosen.drawing = pad.text ?? ""
    ask(PASSING)
  }

  function tell() {
    chosen.drawing = pad.text ?? ""
    echo.tell(JSON.stringify(chosen))
    component.onChange("said", chosen)
  }

  /** The query that names the image to the server; null for an empty pad. */
  function query() {
    if (chosen.panel === "test") return { row: chosen.row }
    if (pad.isEmpty) return null
    const ink = pad.image()
    const bytes = new Uint8Array(data.shape[0] * ink.length)
    for (let channel = 0; channel < data.shape[0]; channel += 1) {
      bytes.set(ink.map((value) => (data.cut === null ? 255 * value : value >= data.cut ? 255 : 0)), channel * ink.length)
    }
    return { x: btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_"), y: data.y }
  }

  // The server's answer --------------------------------------------------------------------------------------------

  function ask(wait = 0) {
    root.dataset.settled = "false"
    clearTimeout(asking)
    asking = setTimeout(fetchAll, wait)
  }

  function fetchAll() {
    if (!data || !chosen) return
    const now = query()
    if (!now) return refuse("Draw a digit. Its exact posterior is computed when you lift the pen.")
    // The server would only say the same.
    if (chosen.panel === "test" && data.missing) {
      root.dataset.settled = "true"
      return refuse(data.missing)
    }
    const { at, stamp } = time.weights({ at: "best", stamp: data.stamp })
    const asks = JSON.stringify([data.run, { ...now, at, v: stamp }])
    if (asks === wanted && answering.busy) return
    wanted = asks
    title = chosen.panel === "test" ? `Test image ${chosen.row}` : "Your drawing"
    frame.dataset.busy = "true"
    answering.want(asks)
  }

  async function answer(done, turn) {
    const mine = (question = new Question((sentence) => sentence && !gone && refuse(sentence)))
    try {
      if (!answers.has(done)) {
        if (!message.hidden) say(message, "Computing the integrals…")
        const named = title
        const [run, query] = JSON.parse(done)
        const told = await arrays(server, run, "truth", query, mine.options)
        answers.set(done, { told, named }, sizeOf(told))
      }
      if (gone || (!turn.isNewest() && chosen.panel === "draw")) return
      const { told, named } = answers.get(done)
      found = told
      say(name, named)
      shown = done
      place = time.shown ? `step ${time.shown.step}` : time.following ? "newest weights" : "best weights"
      show()
    } catch (error) {
      if (mine.isOver) return
      refuse(sentenceOf(error))
      shown = done
    }
    if (turn.isNewest()) settle()
  }

  function settle() {
    frame.dataset.busy = "false"
    root.dataset.settled = String(shown === wanted)
  }

  function refuse(sentence) {
    message.hidden = false
    explain(message, sentence)
    square.hidden = numbers.hidden = key.hidden = save.hidden = true
    root.dataset.ready = "true"
  }

  function show() {
    message.hidden = true
    square.hidden = numbers.hidden = key.hidden = save.hidden = false
    const { image } = found
    const [channels, height, width] = image.shape
    paint(canvas, { data: image.data, channels, height, width })
    say(where, place)
    const { printed } = found
    say(elbo, number(printed.elbo, printed.decimals))
    say(gap, number(printed.gap, printed.decimals))
    say(total, number(printed.log_prob, printed.decimals))
    const misses = printed.misfit < 1e-6 ? "less than 0.000001" : number(printed.misfit, 6)
    const unsettled = printed.settled ? "" : ` One integral still changed by ${number(found.change, 4)} at the last refinement of its grid.`
    say(check, `Nats. The sum misses log p(x) by ${misses}; the printed digits are rounded so that they add up.${unsettled}`)
    const [mean, truth] = [found.q_mean, found.mean].map((values) => `(${values.map((value) => number(value)).join(", ")})`)
    const [dot, cross] = data.latent_dim > 1 ? ["● ", "✖ "] : ["", ""]
    say(means, `Means: ${dot}q(z|x) ${mean}, ${cross}true posterior ${truth}.`)
    tellFacts(root, { gap: found.gap })
    Object.assign(root.dataset, { elbo: String(found.elbo), gap: String(found.gap), log: String(found.log_prob), at: place })
    void draw()
  }

  async function draw() {
    const side = Math.floor(Math.min(square.clientWidth, square.clientHeight))
    if (!found || side < 1) return
    try {
      await plot(chart, found, data.palette, Math.max(240, side))
      const colours = theme(root)
      const { at, stamp } = time.weights({ at: "best", stamp: data.stamp })
      void where_.draw({ run: data.run, at, stamp, found, span: spanOf(chart, found), palette: data.classes[colours.name], colours })
      root.dataset.ready = "true"
    } catch (error) {
      refuse(sentenceOf(error))
    }
  }

  return {
    update(next) {
      component = next
      data = next.state
      const isNew = time !== timeOf(data.run)
      if (isNew) {
        stop()
        time = timeOf(data.run)
        stop = time.subscribe(() => ask(PASSING))
        bodies.draw.begin(data.shape[2], data.shape[1], data.centre)
        echo = new Echo()
        chosen = null
      }
      const said = JSON.stringify({ panel: data.panel, row: data.row, drawing: data.drawing })
      if (echo.isNews(said) || !chosen) {
        chosen = JSON.parse(said)
        if (data.drawing !== pad.text) {
          pad.load(data.drawing)
          bodies.draw.centring.checked = pad.centring
        }
      }
      tabs.open(chosen.panel)
      key.dataset.flat = String(data.latent_dim < 2)
      const lines = data.latent_dim > 1 ? ": 1, 2 and 3 σ" : ""
      say(marks.truth, `p(z|x), the true posterior${lines}`)
      say(marks.encoder, `q(z|x), the encoder's${lines}`)
      const decoder = decoderOf(data.run, { at: "best", stamp: data.stamp })
      decoder.ready.then(async () => {
        if (!gone) await gallery.open({ ...data, at: "best" }, decoder)
        gallery.mark(chosen.row)
      })
      for (const [of, colour] of [["truth", "distortion"], ["encoder", "rate"]]) {
        dots[of].style.color = data.palette[theme(root).name][colour]
      }
      ask()
    },
    unmount() {
      gone = true
      tellFacts(root, null)
      answering.cancel()
      question?.makeWay()
      gallery.close()
      stop()
      telling.cancel()
      clearTimeout(asking)
      observer.disconnect()
      window.Plotly?.purge(chart)
    },
  }
}))
