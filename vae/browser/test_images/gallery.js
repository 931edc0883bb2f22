/** A page of test images to choose from, of one class or of all. Where the images are missing, their reconstructions. */
import { arrays } from "../lib/arrays.js"
import { count, element, explain, say } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { Kept } from "../lib/kept.js"
import { paint } from "../lib/picture.js"
import { mixUp } from "../lib/random.js"
import { oneHot } from "../lib/store.js"

/** Images on a page. */
const NUM = 24
/** Bytes of pixels that are kept. */
const ROOM = 96e6

/**
 * @typedef {{row: number, mean: Float32Array, sigma: Float32Array, label: number}} Chosen
 * A test image, its number from 0, its posterior, and its label or −1.
 */

export class Gallery {
  #source
  #data = null
  #decoder = null
  #latent = null
  #loading = null
  #loaded = ""
  /** Numbers of the images that the filter leaves, in the order in which they are shown. */
  #order = []
  #page = 0
  #chosen = -1
  #shuffled = false
  /** The run whose images are waited for. */
  #expected = ""
  /** Pixels of the images that were fetched, as bytes and the largest that they may be, by their number. */
  #pixels = new Kept(ROOM)
  /** Why there are no originals, in the server's words. */
  missing = ""
  /** @type {(chosen: Chosen) => void} */
  #choose = () => {}

  /**
   * @param {import("../lib/source.js").Source} source
   * @param {(chosen: Chosen) => void} choose Told when the person chooses.
   */
  constructor(source, choose) {
    this.#source = source
    this.#choose = choose
    this.filter = element("select", { class: "ll-select", "aria-label": "Class of the test images", dataset: { control: "class" }, onchange: () => this.#latent && this.#refill(true) })
    this.number = element("input", {
      class: "value", type: "text", inputmode: "numeric", autocomplete: "off", placeholder: "No.", "aria-label": "Number of a test image", dataset: { control: "number" },
      onchange: () => this.#typed(),
    })
    this.grid = element("fieldset", { class: "thumbs", dataset: { control: "images" } }, element("legend", { class: "ll-sr" }, "Test images"))
    this.note = element("p", { class: "ll-note" })
    this.refusal = element("p", { class: "ll-note refusal", role: "status", hidden: true })
    const step = (by, label, text, action) =>
      element("button", { class: "ll-button", type: "button", "aria-label": label, title: label, dataset: { action }, onclick: () => this.#turn(by) }, text)
    this.root = element(
      "div", { class: "gallery" },
      element(
        "div", { class: "ll-row" }, this.filter, step(-1, "Previous images", "‹", "previous"), step(1, "Next images", "›", "next"),
        element("button", { class: "ll-button", type: "button", dataset: { action: "shuffle" }, onclick: () => this.#shuffle() }, "Shuffle"),
        this.number,
      ),
      this.refusal, this.grid, this.note,
    )
  }

  /**
   * Show what is known of the test images before they are there: their classes, how many they are, and empty places.
   * @param {{run: string, labels: string[], num_images: number}} data
   */
  expect({ run, labels, num_images: num }) {
    if (this.#expected === run) return
    this.#expected = run
    this.#latent = null
    this.#loaded = ""
    this.#list(labels)
    this.number.placeholder = `0–${num - 1}`
    this.number.disabled = true
    const places = Array.from({ length: Math.min(NUM, num) }, () => element("span", { class: "thumb waiting", "aria-hidden": "true" }))
    this.grid.replaceChildren(this.grid.firstChild, ...places)
  }

  #list(labels) {
    this.filter.replaceChildren(
      element("option", { value: "" }, "All"), ...labels.map((label, index) => element("option", { value: index }, label)),
    )
    this.filter.hidden = !labels.length
  }

  /**
   * Show the test images of a run.
   * @param {{run: string, at: string, stamp: string, labels: string[], conditional: boolean, shape: number[], row: number | null,
   *   missing: string}} data
   * @param {import("../lib/decoder.js").Decoder} decoder
   */
  async open(data, decoder) {
    this.#data = data
    this.#decoder?.clients.delete(this)
    this.#decoder = decoder
    decoder.clients.add(this)
    const wanted = `${data.run} ${data.at} ${data.stamp} ${data.missing}`
    if (this.#loaded === wanted || this.#loading === wanted) return
    this.#loading = wanted
    try {
      const found = await arrays(this.#source, data.run, "latent", { at: data.at, part: "test", log_var: 1, v: data.stamp }, {
        waiting: (sentence) => explain(this.note, sentence),
      })
      if (this.#loading !== wanted) return
      this.#latent = found
      this.#pixels.clear()
      this.missing = data.missing
      this.#loaded = wanted
      this.#chosen = data.row ?? -1
      // A class may have been chosen while they were on their way.
      const wantedClass = this.filter.value
      this.#list(data.labels)
      this.filter.value = wantedClass
      this.number.disabled = false
      this.number.placeholder = `0–${found.labels.data.length - 1}`
      this.#refill(false)
    } catch (error) {
      this.grid.replaceChildren(this.grid.firstChild)
      explain(this.note, sentenceOf(error))
    }
    if (this.#loading === wanted) this.#loading = null
  }

  /** Nobody looks at them any more. */
  close() {
    this.#decoder?.clients.delete(this)
  }

  /** The posterior of a test image, from what training kept. */
  posterior(row) {
    const { mean, log_var: logVar, labels } = this.#latent
    const num = mean.shape[1]
    return {
      row,
      mean: mean.data.slice(row * num, (row + 1) * num),
      sigma: logVar.data.slice(row * num, (row + 1) * num).map((value) => Math.exp(value / 2)),
      label: labels.data[row],
    }
  }

  /** Pixels of a test image from 0 to 1, or null where the images are missing. */
  async pixels(row) {
    if (!this.#pixels.has(row) && !this.missing) await this.#fetch([row])
    const found = this.#pixels.get(row)
    return found ? Float32Array.from(found.data, (value) => value / found.most) : null
  }

  /** Mark an image as chosen, or none (−1). */
  mark(row) {
    this.#chosen = row
    for (const input of this.grid.querySelectorAll("input")) input.checked = Number(input.value) === row
    this.number.value = row < 0 ? "" : String(row)
  }

  #refill(anew) {
    const label = this.filter.value === "" ? -1 : Number(this.filter.value)
    const { labels } = this.#latent
    this.#order = Array.from(labels.data.keys()).filter((row) => label < 0 || labels.data[row] === label)
    if (this.#shuffled) mixUp(this.#order)
    const at = anew ? -1 : this.#order.indexOf(this.#chosen)
    this.#page = at < 0 ? 0 : Math.floor(at / NUM)
    void this.#show()
  }

  #shuffle() {
    if (!this.#latent) return
    this.#shuffled = true
    this.#refill(true)
  }

  #turn(by) {
    const num = Math.ceil(this.#order.length / NUM)
    if (!num) return
    this.#page = (this.#page + by + num) % num
    void this.#show()
  }

  #typed() {
    const text = this.number.value.trim()
    const num = this.#latent?.labels.data.length ?? 0
    const isNumber = /^\d+$/.test(text) && Number(text) < num
    this.#refuse(isNumber || text === "" ? "" : `The test images have the numbers 0 to ${count(num - 1)} on every page, got ${text.slice(0, 24)}.`)
    if (!isNumber) return this.mark(this.#chosen)
    const row = Number(text)
    this.filter.value = ""
    this.#shuffled = false
    this.#chosen = row
    this.#refill(false)
    this.#choose(this.posterior(row))
  }

  #refuse(sentence) {
    say(this.refusal, sentence)
    this.refusal.hidden = !sentence
  }

  async #show() {
    const rows = this.#order.slice(this.#page * NUM, (this.#page + 1) * NUM)
    const { labels: names, shape } = this.#data
    const group = `image-${crypto.getRandomValues(new Uint32Array(1))[0]}`
    const canvases = rows.map(() => element("canvas", { class: "ll-pixels waiting", width: shape[2], height: shape[1] }))
    this.grid.replaceChildren(
      this.grid.firstChild,
      ...rows.map((row, k) => {
        const label = names[this.#latent.labels.data[row]]
        const name = `Test image ${row}${label === undefined ? "" : `, ${label}`}`
        return element(
          "label", { class: "thumb", title: name },
          element("input", {
            type: "radio", name: group, value: row, "aria-label": name,
            onchange: () => {
              this.#refuse("")
              this.#chosen = row
              this.number.value = String(row)
              this.#choose(this.posterior(row))
            },
            // Chosen again after the point has moved away.
            onclick: () => row === this.#chosen && this.#choose(this.posterior(row)),
          }),
          canvases[k],
        )
      }),
    )
    this.mark(this.#chosen)
    const unknown = rows.filter((row) => !this.#pixels.has(row))
    if (unknown.length && !this.missing) await this.#fetch(unknown)
    if (!canvases[0]?.isConnected) return
    const [channels, height, width] = shape
    if (!this.missing) {
      rows.forEach((row, k) => {
        const { data, most } = this.#pixels.get(row) ?? {}
        if (data) paint(canvases[k], { data, scale: 255 / most, channels, height, width })
      })
    } else if (this.#decoder.source === "browser") {
      const found = rows.map((row) => this.posterior(row))
      const z = Float32Array.from(found.flatMap(({ mean }) => Array.from(mean)))
      const y = this.#data.conditional ? Float32Array.from(found.flatMap(({ label }) => Array.from(oneHot(label, names.length)))) : null
      const picture = await this.#decoder.batch(z, y, rows.length)
      canvases.forEach((canvas, k) => paint(canvas, { ...picture, offset: k * channels * height * width }))
    }
    for (const canvas of canvases) canvas.classList.remove("waiting")
    explain(this.note, this.missing ? "Reconstructions: the originals are not here." : "")
    this.root.dataset.page = rows.join()
  }

  async #fetch(rows) {
    const { run, shape } = this.#data
    const pixels = this.#pixels
    try {
      const found = await arrays(this.#source, run, "originals", { part: "test", rows: rows.join() }, {
        waiting: (sentence) => explain(this.note, sentence),
      })
      const size = shape[0] * shape[1] * shape[2]
      rows.forEach((row, k) => {
        pixels.set(row, { data: found.images.data.slice(k * size, (k + 1) * size), most: found.max_value }, size)
      })
    } catch (error) {
      this.missing = sentenceOf(error)
    }
  }
}
