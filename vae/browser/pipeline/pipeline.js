/**
 * The one drawing of a VAE that all pages share: x → encoder → μ, σ → z = μ + σ·ε → decoder → x̂ → reconstruction + β · KL. Dragging μ, σ
 * or ε is followed in the browser, with the run's own networks; who mounts it hears of the numbers on release.
 */
import { Pad } from "../drawing_pad/pad.js"
import { radioGroup, tick } from "../lib/choices.js"
import { dimName, element, explain, say, significant } from "../lib/dom.js"
import { Echo } from "../lib/echo.js"
import { encoders } from "../lib/encoder.js"
import { tell as tellFacts } from "../lib/facts.js"
import { latest } from "../lib/latest.js"
import { mountable } from "../lib/mount.js"
import { paint } from "../lib/picture.js"
import { normal } from "../lib/random.js"
import { atRest } from "../lib/rest.js"
import { samplers } from "../lib/sampler.js"
import { oneHot } from "../lib/store.js"
import { theme } from "../lib/theme.js"
import { costRows, trapezoid } from "./parts.js"
import { passPicture, passTable } from "./saved_pass.js"
import { saveMenu } from "../lib/saving.js"

const MODES = { training: "Training", reconstruction: "Reconstruction", generation: "Generation" }
const WORDS = {
  training: "All parts: draw ε, decode z, and add up both terms of the loss.",
  reconstruction: "No noise: ε = 0, so z is the mean μ.",
  generation: "No encoder: z is drawn from the prior, N(0, I), and there is no loss.",
}
/** Who mounts it hears of what was changed so long after it, ms. */
const REST = 250
/** With more classes the cells of a one-hot vector are smaller. */
const MANY = 20
/** Measurements kept for tests, see `image/image.js`. */
const lab = (window.__latentLab ??= { timings: [], decoded: 0 })
const KEPT = 10_000

/** @param {string} text Numbers of single precision in base64. */
function floats(text) {
  return new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer)
}

export const mount = mountable(import.meta.url, (root) => {
  /** @type {import("../lib/source.js").Source} */
  let source
  /** @type {import("./state").State} What the host passes. */
  let data = null
  /** @type {(name: string, value: any, how?: "choice" | "passing") => void} */
  let onChange = () => {}
  let [encoder, sampler] = /** @type {any[]} */ ([null, null])
  let x = new Float32Array()
  let [mean, sigma, noise] = [new Float32Array(), new Float32Array(), new Float32Array()]
  let mode = "training"
  let beta = 1
  let label = 0
  let drawing = false
  let loaded = ""
  let gone = false
  /** What was drawn last, to be saved. @type {import("./saved_pass.js").Pass | null} */
  let passed = null
  const echo = new Echo()
  const client = {}
  const telling = atRest(tell, REST)
  const passing = latest(pass)

  // What is drawn --------------------------------------------------------------------------------------------------

  const modes = radioGroup("Parts that are on", MODES, (value) => {
    mode = value
    change()
    telling.soon()
  }, { control: "parts" })
  const words = element("p", { class: "ll-note" })
  const again = element("button", { class: "ll-button", type: "button", dataset: { action: "again" }, onclick: () => drawAgain() }, "Draw ε again")
  const reset = element("button", { class: "ll-button", type: "button", dataset: { action: "reset" }, title: "μ and σ as the encoder gives them", onclick: () => encode() }, "Encode again")
  const pad = new Pad({ change: () => { drawing && encode() }, release: () => telling.soon() })
  const origin = radioGroup("Image", { test: "Image", draw: "Draw" }, (value) => {
    drawing = value === "draw"
    show()
    encode()
    telling.soon()
  }, { control: "source" })
  const classes = element("select", {
    class: "ll-select", "aria-label": "Class that the model is told", dataset: { control: "class" },
    onchange: () => {
      label = Number(classes.value)
      encode()
    },
  })
  const [shown, decoded] = ["x, the image", "x̂, the mean of p(x|z)"].map((name) => element("canvas", { class: "ll-pixels", role: "img", "aria-label": name }))
  const message = element("p", { class: "ll-note said", role: "status" })
  const table = element("div", { class: "table" })
  /** @type {{mean: any, sigma: any, noise: any, z: HTMLElement, rate: HTMLElement}[]} */
  let rows = []
  const costs = costRows((value) => {
    beta = value
    passing.want(performance.now())
  }, () => telling.soon())
  const ends = [tick("class", "Whether the encoder is told the class", { control: "encoder-class", checked: true, changed: () => encode() }), tick("class", "Whether the decoder is told the class", { control: "decoder-class", checked: true, changed: () => change() })]
  const hots = [element("span", { class: "hot" }), element("span", { class: "hot" })]
  const boxes = {
    x: element("figure", { class: "stop x" }, shown, pad.canvas, element("figcaption", {}, "x"), origin.node),
    encoder: element("div", { class: "network encoder" }, trapezoid(false), element("span", {}, "encoder q(z|x)"), hots[0], ends[0].node),
    latent: element("div", { class: "latent" }, table),
    decoder: element("div", { class: "network decoder" }, trapezoid(true), element("span", {}, "decoder p(x|z)"), hots[1], ends[1].node),
    out: element("figure", { class: "stop out" }, decoded, element("figcaption", {}, "x̂")),
  }
  const save = saveMenu(() => {
    if (!passed) throw new Error("There is no pass yet to save; wait until an image is decoded.")
    const now = { ...passed, mode, beta, x: drawing ? pad.canvas : shown, out: decoded }
    return { name: `${data.run}-pass`, picture: () => passPicture(now, theme(root), data.palette[theme(root).name]), table: () => passTable(now) }
  }, "this pass")
  const flow = element("div", { class: "flow" }, ...Object.values(boxes))
  const frame = element("div", { class: "pipeline" }, element("div", { class: "bar" }, modes.node, again, reset, classes, costs.beta, words, save), flow, costs.root, message)
  root.replaceChildren(frame)
  root.style.minHeight = "0"

  /**
   * A number with its slider.
   * @param {string} name
   * @param {number} min
   * @param {number} max
   * @param {string} control What links call it.
   * @param {(value: number) => void} moved
   */
  function slider(name, min, max, control, moved) {
    const [value, more] = [element("b"), element("small")]
    const input = element("input", {
      class: "ll-range", type: "range", min, max, step: 0.01, "aria-label": name, dataset: { control },
      oninput: () => {
        moved(input.valueAsNumber)
        passing.want(performance.now())
      },
      onchange: () => telling.soon(),
    })
    return { node: element("div", { class: "number" }, element("span", {}, value, more), element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), input)), value, more, input }
  }

  function build(/** @type {number} */ num) {
    rows = Array.from({ length: num }, (_, dim) => ({
      mean: slider(`μ of ${dimName(dim)}`, -5, 5, "mu", (value) => { mean[dim] = value }),
      sigma: slider(`σ of ${dimName(dim)}`, 0.01, 2, "sigma", (value) => { sigma[dim] = value }),
      noise: slider(`ε of ${dimName(dim)}`, -3, 3, "epsilon", (value) => { noise[dim] = value }),
      z: element("span", { class: "z" }), rate: element("span"),
    }))
    table.replaceChildren(
      element("div", { class: "dim names" }, ...["", "μ", "σ", "ε", "z = μ + σ·ε", "KL"].map((name) => element("span", {}, name))),
      ...rows.map((row, dim) => element("div", { class: "dim" }, element("span", {}, dimName(dim)), row.mean.node, row.sigma.node, row.noise.node, row.z, row.rate)),
    )
  }

  /** Which parts are on. */
  function show() {
    const [hasEncoder, hasLoss] = [mode !== "generation", mode === "training"]
    frame.dataset.mode = mode
    frame.classList.toggle("strip", data.size === "strip")
    say(words, WORDS[/** @type {keyof typeof WORDS} */ (mode)])
    modes.value = mode
    boxes.x.dataset.off = boxes.encoder.dataset.off = String(!hasEncoder)
    costs.show({ reconstruction: hasEncoder, rate: hasLoss })
    for (const row of rows) {
      row.mean.node.dataset.off = row.sigma.node.dataset.off = row.rate.dataset.off = String(!hasEncoder)
      row.noise.node.dataset.off = String(mode === "reconstruction")
    }
    again.disabled = mode === "reconstruction"
    reset.disabled = !hasEncoder
    origin.node.hidden = data.size === "strip"
    origin.value = drawing ? "draw" : "test"
    shown.hidden = drawing
    pad.canvas.hidden = !drawing
    for (const [k, hot] of hots.entries()) {
      hot.hidden = ends[k].node.hidden = !data.classes.length
      const isTold = ends[k].input.checked
      if (hot.children.length !== data.classes.length) hot.replaceChildren(...data.classes.map(() => element("i")))
      for (const [index, cell] of [...hot.children].entries()) /** @type {HTMLElement} */ (cell).dataset.on = String(isTold && index === label)
      hot.dataset.many = String(data.classes.length > MANY)
      hot.title = isTold ? `One-hot: class ${data.classes[label]}` : "Left out: zeros"
    }
  }

  // What is computed -----------------------------------------------------------------------------------------------

  /** The class as an end of the model gets it, or zeros where it is left out. */
  function condition(/** @type {0 | 1} */ end) {
    if (!data.classes.length) return null
    return ends[end].input.checked ? oneHot(label, data.classes.length) : new Float32Array(data.classes.length)
  }

  function image() {
    if (!drawing) return x
    const ink = pad.image()
    const values = data.cut === null ? ink : ink.map((value) => Number(value >= data.cut))
    const all = new Float32Array(data.shape[0] * ink.length)
    for (let channel = 0; channel < data.shape[0]; channel += 1) all.set(values, channel * ink.length)
    return all
  }

  const encoding = latest(async (/** @type {number} */ time) => {
    show()
    const asked = encoder
    void asked.settled().then(() => !gone && asked === encoder && asked.source === "loading" && fail(asked.reason))
    try {
      const found = await encoder.encode(image(), condition(0))
      mean = Float32Array.from(found.mean)
      sigma = Float32Array.from(found.logVar, (value) => Math.exp(value / 2))
      passing.want(time)
    } catch (error) {
      fail(/** @type {Error} */ (error).message)
    }
  })

  function encode() {
    encoding.want(performance.now())
  }

  function change() {
    show()
    passing.want(performance.now())
  }

  function drawAgain() {
    noise = Float32Array.from(noise, normal)
    change()
    telling.soon()
  }

  /** @param {string} sentence */
  function fail(sentence) {
    explain(message, sentence)
  }

  async function pass(/** @type {number} */ time) {
    if (gone || !mean.length) return
    const isFree = mode === "generation"
    const epsilon = mode === "reconstruction" ? new Float32Array(noise.length) : noise
    const zeros = new Float32Array(noise.length)
    try {
      const found = await sampler.pass({
        x: image(), mean: isFree ? zeros : mean, logVar: isFree ? zeros : sigma.map((value) => 2 * Math.log(value)), noise: epsilon, y: condition(1),
      })
      if (gone) return
      draw(found, epsilon)
      if (lab.timings.length >= KEPT) lab.timings.splice(0, KEPT / 2)
      lab.timings.push({ event: time, done: performance.now(), source: sampler.source })
      lab.decoded += 1
      say(message, "")
    } catch (error) {
      fail(/** @type {Error} */ (error).message)
    }
  }

  /**
   * @param {import("../lib/sampler.js").Passed} found
   * @param {Float32Array} epsilon
   */
  function draw(found, epsilon) {
    const [channels, height, width] = data.shape
    paint(decoded, { data: found.image, channels, height, width })
    let rate = 0
    for (const [dim, row] of rows.entries()) {
      rate += found.ratePerDim[dim]
      for (const [part, value] of /** @type {[any, number][]} */ ([[row.mean, mean[dim]], [row.sigma, sigma[dim]], [row.noise, epsilon[dim]]])) {
        say(part.value, significant(value))
        part.input.value = String(value)
      }
      say(row.sigma.more, ` log σ² ${significant(2 * Math.log(sigma[dim]))}`)
      say(row.z, significant(found.z[dim]))
      say(row.rate, significant(found.ratePerDim[dim]))
    }
    passed = { mean: [...mean], sigma: [...sigma], noise: [...epsilon], z: [...found.z], ratePerDim: [...found.ratePerDim], distortion: found.distortion }
    const palette = data.palette[theme(root).name]
    costs.draw({ distortion: found.distortion, rate, beta, palette, mode })
    const hasCosts = mode !== "generation"
    tellFacts(root, { pass: mode, ...(hasCosts ? { image_reconstruction: found.distortion, image_kl: rate, image_sigma: Math.min(...sigma) } : {}) })
    Object.assign(root.dataset, {
      distortion: String(found.distortion), rate: String(rate), z: found.z.join(), mode, ready: "true", decoded: String(Number(root.dataset.decoded ?? 0) + 1),
    })
  }

  /** Put the host's drawing on the pad. */
  function restore() {
    if (data.drawing === pad.text) return
    const { centring } = pad
    pad.load(data.drawing)
    if (!data.drawing) pad.centring = centring
  }

  function tell() {
    const said = {
      mode, beta, noise: Array.from(noise, (value) => Number(value.toFixed(4))), origin: drawing ? "draw" : "test", drawing: pad.text ?? "",
    }
    echo.tell(JSON.stringify(said))
    onChange("said", said, "passing")
  }

  return {
    /** @param {import("../lib/mount.js").Given<import("./state").State>} given */
    update(given) {
      ;({ source, state: data, onChange } = given)
      const { run, at, stamp, latent_dim: num } = data
      const weights = { at, stamp }
      if (rows.length !== num) build(num)
      if (noise.length !== num) noise = Float32Array.from({ length: num }, normal)
      const said = JSON.stringify({ mode: data.mode, beta: data.beta, noise: data.noise, origin: data.origin, drawing: data.drawing })
      const isNews = echo.isNews(said)
      if (isNews) {
        ;({ mode, beta } = data)
        if (data.noise?.length === num) noise = Float32Array.from(data.noise)
        costs.set(beta)
      }
      const now = `${run} ${at} ${stamp} ${data.x} ${data.y}`
      if (now !== loaded) {
        for (const model of [encoder, sampler]) model?.clients.delete(client)
        encoder = encoders.of(source, run, weights)
        sampler = samplers.of(source, run, weights)
        for (const model of [encoder, sampler]) model.clients.add(client)
        if (!loaded.startsWith(`${run} `)) {
          pad.open(data.shape[2], data.shape[1])
          pad.centring = data.centre
          pad.width = Math.max(1, 0.09 * data.shape[2])
        }
        // Whoever chooses another image wants to see it.
        drawing = (loaded === "" || isNews) && data.origin === "draw"
        if (loaded === "" || isNews) restore()
        loaded = now
        label = data.y ?? 0
        classes.replaceChildren(...data.classes.map((name, index) => element("option", { value: index }, `class ${name}`)))
        classes.hidden = !data.classes.length
        classes.value = String(label)
        x = floats(data.x)
        const [channels, height, width] = data.shape
        paint(shown, { data: x, channels, height, width })
        decoded.width = width
        decoded.height = height
        encode()
        if (!drawing && data.origin === "draw") telling.soon()
      } else if (isNews && (drawing !== (data.origin === "draw") || data.drawing !== pad.text)) {
        drawing = data.origin === "draw"
        restore()
        encode()
      } else change()
    },
    unmount() {
      gone = true
      tellFacts(root, null)
      telling.cancel()
      passing.cancel()
      encoding.cancel()
      for (const model of [encoder, sampler]) model?.clients.delete(client)
    },
  }
})
