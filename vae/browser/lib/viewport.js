/** Which part of a plane is in view, equally scaled along both axes, and how pointer, wheel and fingers move it. */
import { ticks } from "./ticks.js"

/** A press that moves less, in pixels, and is shorter, in ms, is a click. */
const STILL = 4
const BRIEF = 600
/** How far one may zoom in, against the view of everything, and out. */
const NEAREST = 2000
const FARTHEST = 0.1

/**
 * @typedef {{left: number, right: number, low: number, high: number}} Region Part of the plane.
 */

export class Viewport {
  width = 1
  height = 1
  /** The point of the plane in the middle, and CSS pixels for one unit. */
  u = 0
  v = 0
  scale = 1
  /** The scale at which everything is in view. */
  whole = 1
  #region = { left: -1, right: 1, low: -1, high: 1 }

  /**
   * Another size in CSS pixels; the middle stays, and what was in view along the shorter side.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    const fitted = this.isWhole
    const before = this.whole
    Object.assign(this, { width: Math.max(1, width), height: Math.max(1, height) })
    if (fitted) return this.fit(this.#region)
    this.whole = this.#fitting()
    this.scale *= this.whole / before
  }

  /**
   * Show all of a region, with some air.
   * @param {Region} region
   */
  fit(region) {
    this.#region = region
    this.whole = this.scale = this.#fitting()
    this.u = (region.left + region.right) / 2
    this.v = (region.low + region.high) / 2
  }

  /**
   * Another region is the whole from now on; the view stays, unless it was of the whole.
   * @param {Region} region
   */
  widen(region) {
    if (this.isWhole) return this.fit(region)
    this.#region = region
    this.whole = this.#fitting()
  }

  /**
   * Look at a region, with some air; the whole stays what it was.
   * @param {Region} region
   */
  look({ left, right, low, high }) {
    const [wide, tall] = [1.1 * (right - left), 1.1 * (high - low)]
    const scale = Math.min(wide > 0 ? this.width / wide : Infinity, tall > 0 ? this.height / tall : Infinity)
    this.scale = Math.min(NEAREST * this.whole, Number.isFinite(scale) ? scale : NEAREST * this.whole)
    this.u = (left + right) / 2
    this.v = (low + high) / 2
  }

  /** Show the whole again. */
  reset() {
    this.fit(this.#region)
  }

  #fitting() {
    const { left, right, low, high } = this.#region
    return Math.min(this.width / (1.1 * (right - left) || 2), this.height / (1.1 * (high - low) || 2))
  }

  /** Whether nobody has moved the view. */
  get isWhole() {
    const { left, right, low, high } = this.#region
    const off = Math.hypot(this.u - (left + right) / 2, this.v - (low + high) / 2) * this.scale
    return off < 0.5 && Math.abs(this.scale / this.whole - 1) < 1e-6
  }

  /** @param {number} u */
  x(u) {
    return this.width / 2 + (u - this.u) * this.scale
  }

  /** @param {number} v */
  y(v) {
    return this.height / 2 - (v - this.v) * this.scale
  }

  /** @param {number} x */
  uAt(x) {
    return this.u + (x - this.width / 2) / this.scale
  }

  /** @param {number} y */
  vAt(y) {
    return this.v - (y - this.height / 2) / this.scale
  }

  /** @returns {Region} */
  get region() {
    return { left: this.uAt(0), right: this.uAt(this.width), low: this.vAt(this.height), high: this.vAt(0) }
  }

  /**
   * @param {number} dx CSS pixels.
   * @param {number} dy
   */
  pan(dx, dy) {
    this.u -= dx / this.scale
    this.v += dy / this.scale
  }

  /**
   * Zoom by a factor; what lies at a pixel stays there.
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const [u, v] = [this.uAt(x), this.vAt(y)]
    this.scale = Math.min(NEAREST * this.whole, Math.max(FARTHEST * this.whole, this.scale * factor))
    this.u = u - (x - this.width / 2) / this.scale
    this.v = v + (y - this.height / 2) / this.scale
  }

  /**
   * Round numbers between two, about every so many pixels: values and how many decimals they need.
   * @param {number} low
   * @param {number} high
   * @param {number} [apart]
   */
  ticks(low, high, apart = 80) {
    return ticks(low, high, apart / this.scale)
  }
}

/**
 * Pan by dragging, zoom by wheel or two fingers, tell clicks from drags, draw a lasso.
 * @param {HTMLElement} node What is pressed; pixels count from its corner.
 * @param {Viewport} viewport
 * @param {{moved: () => void, click: (event: PointerEvent) => void, hover: (event: MouseEvent) => void, leave: () => void,
 *   lassoing: (event: PointerEvent) => boolean, lasso: (path: [number, number][], done: boolean) => void,
 *   place: (event: MouseEvent) => [number, number], zooms?: (event: WheelEvent) => boolean}} heard `zooms` says whether the
 *   wheel is meant for the view, and not for the page that it lies in.
 */
export function gestures(node, viewport, heard) {
  /** @type {Map<number, [number, number]>} */
  const pressed = new Map()
  /** @type {{at: [number, number], time: number, dragged?: boolean} | null} */
  let press = null
  /** @type {[number, number][] | null} */
  let path = null

  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return
    pressed.set(event.pointerId, heard.place(event))
    if (pressed.size > 1) press = path = null
    else {
      press = { at: heard.place(event), time: event.timeStamp }
      path = heard.lassoing(event) ? [heard.place(event)] : null
    }
    node.setPointerCapture(event.pointerId)
    if (event.pointerType !== "mouse") heard.hover(event)
  })
  node.addEventListener("pointermove", (event) => {
    const before = pressed.get(event.pointerId)
    if (!before) return heard.hover(event)
    const now = heard.place(event)
    if (pressed.size === 2) pinch(event.pointerId, before, now)
    else if (path) {
      path.push(now)
      heard.lasso(path, false)
    } else if (press && far(press.at, now)) press.dragged = true
    if (!path && pressed.size === 1 && press?.dragged) {
      viewport.pan(now[0] - before[0], now[1] - before[1])
      heard.leave()
      heard.moved()
    } else if (!path && pressed.size === 1) {
      heard.hover(event)
      return
    }
    pressed.set(event.pointerId, now)
  })

  /**
   * @param {number[]} from
   * @param {number[]} to
   */
  function far(from, to) {
    return Math.hypot(to[0] - from[0], to[1] - from[1]) >= STILL
  }

  /**
   * @param {number} id
   * @param {number[]} before
   * @param {number[]} now
   */
  function pinch(id, before, now) {
    const [other] = [...pressed].filter(([key]) => key !== id).map(([, place]) => place)
    const spread = (/** @type {number[]} */ place) => Math.max(8, Math.hypot(place[0] - other[0], place[1] - other[1]))
    viewport.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2)
    viewport.zoom(spread(now) / spread(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2)
    heard.leave()
    heard.moved()
  }

  /**
   * @param {PointerEvent} event
   * @param {boolean} kept
   */
  function release(event, kept) {
    if (!pressed.delete(event.pointerId)) return
    const [was, drawn] = [press, path]
    press = path = null
    if (drawn) return heard.lasso(drawn, kept)
    if (kept && was && !was.dragged && event.timeStamp - was.time < BRIEF) heard.click(event)
  }
  node.addEventListener("pointerup", (event) => release(event, true))
  node.addEventListener("pointercancel", (event) => release(event, false))
  node.addEventListener("pointerleave", () => pressed.size || heard.leave())
  node.addEventListener("wheel", (event) => {
    if (heard.zooms?.(event) === false) return
    event.preventDefault()
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1
    viewport.zoom(Math.exp(-0.0015 * lines * event.deltaY * (event.ctrlKey ? 5 : 1)), ...heard.place(event))
    heard.moved()
    heard.hover(event)
  }, { passive: false })
}
