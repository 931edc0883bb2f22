/** A pad to draw on with a pen, a finger or the mouse, at the resolution of the model's images. */
import { element } from "../lib/dom.js"
import { paint } from "../lib/picture.js"
import { centred, draw, rasterise } from "./strokes.js"
import { read, write } from "./strokes_text.js"

export class Pad {
  /** @type {import("./strokes.js").Stroke[]} */
  #strokes = []
  #values = new Float32Array(0)
  #size = { width: 1, height: 1 }
  #pointer = null
  /** @type {(event?: Event) => void} */
  #change = () => {}
  #release = () => {}
  /** @type {"pen" | "eraser"} */
  tool = "pen"
  /** Of the pen, in pixels of the image. */
  width = 2.5
  /** Whether the model sees the drawing as MNIST's digits lie. */
  centring = false
  /** The drawing as a link carries it; null if it has too many strokes for that. */
  text = ""

  /**
   * @param {{change: (event?: Event) => void, release: () => void}} listeners Told at every move, and when the pen is lifted.
   */
  constructor({ change, release }) {
    this.#change = change
    this.#release = release
    this.canvas = element("canvas", {
      class: "ll-pixels pad", role: "img", width: 1, height: 1,
      dataset: { control: "pad" },
      "aria-label": "Drawing pad. Without a pointer, choose a test image instead.",
      onpointerdown: (event) => this.#down(event),
      onpointermove: (event) => this.#move(event),
      onpointerup: (event) => this.#up(event),
      onpointercancel: (event) => this.#up(event),
    })
  }

  /** Begin for images of a size, with nothing drawn. */
  open(width, height) {
    this.#size = { width, height }
    this.canvas.style.aspectRatio = `${width} / ${height}`
    this.load("")
  }

  /** Draw what a link says. */
  load(text) {
    const found = text ? read(text, this.#side) : { strokes: [], centring: this.centring }
    this.#strokes = found.strokes
    this.centring = found.centring
    this.text = text
    this.#redraw()
  }

  get #side() {
    return Math.max(this.#size.width, this.#size.height)
  }

  get isEmpty() {
    return !this.#values.some((value) => value > 0)
  }

  /** What is drawn, one channel; moved and scaled as MNIST's digits are if it is centred. */
  image() {
    const { width, height } = this.#size
    const placement = this.centring ? centred(this.#values, this.#size, this.#size) : null
    return placement ? draw(this.#strokes, width, height, placement) : this.#values.slice()
  }

  undo() {
    if (!this.#strokes.length) return
    this.#strokes.pop()
    this.changed()
  }

  clear() {
    if (this.isEmpty) return
    this.#strokes.push({ kind: "clear", width: 0, points: [] })
    this.changed()
  }

  /** The drawing rests: it becomes what its text says, and is looked at so. */
  changed() {
    this.#redraw()
    this.text = this.isEmpty ? "" : write(this.#strokes, this.#side, this.centring)
    this.#redraw()
    this.#change()
    this.#release()
  }

  #redraw() {
    this.#values = draw(this.#strokes, this.#size.width, this.#size.height)
    this.#paint()
  }

  #paint() {
    paint(this.canvas, { data: this.#values, channels: 1, ...this.#size })
  }

  #place({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect()
    return [((clientX - box.left) / box.width) * this.#size.width, ((clientY - box.top) / box.height) * this.#size.height]
  }

  #down(event) {
    if (this.#pointer !== null || event.button > 0) return
    event.preventDefault()
    this.#pointer = event.pointerId
    this.canvas.setPointerCapture(event.pointerId)
    // The back end of a pen rubs out.
    const kind = event.buttons & 32 ? "eraser" : this.tool
    this.#strokes.push({ kind, width: kind === "eraser" ? 1.6 * this.width : this.width, points: this.#place(event) })
    this.#extend(0, event)
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return
    const stroke = this.#strokes.at(-1)
    const before = stroke.points.length / 2
    const events = event.getCoalescedEvents?.() ?? []
    for (const each of events.length ? events : [event]) stroke.points.push(...this.#place(each))
    this.#extend(before - 1, event)
  }

  #extend(first, event) {
    rasterise(this.#values, this.#size.width, this.#size.height, this.#strokes.at(-1), undefined, first)
    this.#paint()
    this.#change(event)
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return
    this.#pointer = null
    this.changed()
  }
}
