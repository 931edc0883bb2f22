/**
 * Writes down what is drawn on a canvas as SVG, so that one function draws a chart on the page, in a PNG and in an SVG. It has the
 * part of CanvasRenderingContext2D that our charts draw with: paths, arcs, text, images, clipping, moves and turns. Text stays text.
 */

/** @typedef {[number, number, number, number, number, number]} Matrix As `setTransform` takes it. */

/** How far below the baseline's place a text stands, in em, by where the canvas has its baseline. */
const BASELINES = { top: 0.78, hanging: 0.78, middle: 0.34, alphabetic: 0, ideographic: -0.2, bottom: -0.22 }
const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" }
/** Segments of a whole turn. */
const SEGMENTS = 4
const FULL = 2 * Math.PI

export class SvgContext {
  fillStyle = "#000"
  strokeStyle = "#000"
  lineWidth = 1
  lineCap = "butt"
  lineJoin = "miter"
  globalAlpha = 1
  font = "10px sans-serif"
  textAlign = "start"
  textBaseline = "alphabetic"
  imageSmoothingEnabled = true
  // The shadows of a canvas are left out.
  shadowColor = "transparent"
  shadowBlur = 0
  /** @type {number[]} */
  #dash = []
  /** @type {Matrix} */
  #matrix = [1, 0, 0, 1, 0, 0]
  #path = ""
  /** Where the path began: a full circle alone is written as one. @type {{x: number, y: number, r: number} | null} */
  #circle = null
  /** @type {Record<string, any>[]} */
  #kept = []
  #clip = ""
  #num = 0
  /** @type {string[]} */
  #parts = []
  #measure

  /**
   * @param {number} width CSS pixels.
   * @param {number} height
   * @param {CanvasRenderingContext2D | null} [measure] Measures text; none guesses.
   */
  constructor(width, height, measure = null) {
    this.width = width
    this.height = height
    this.#measure = measure
  }

  /** The document. */
  toString() {
    const { width, height } = this
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${short(width)}" height="${short(height)}" viewBox="0 0 ${short(width)} ${short(height)}">` +
      `${this.#parts.join("")}</svg>`
  }

  save() {
    const { fillStyle, strokeStyle, lineWidth, lineCap, lineJoin, globalAlpha, font, textAlign, textBaseline, imageSmoothingEnabled } = this
    this.#kept.push({
      own: { fillStyle, strokeStyle, lineWidth, lineCap, lineJoin, globalAlpha, font, textAlign, textBaseline, imageSmoothingEnabled },
      dash: this.#dash, matrix: this.#matrix, clip: this.#clip,
    })
  }

  restore() {
    const last = this.#kept.pop()
    if (!last) return
    Object.assign(this, last.own)
    this.#dash = last.dash
    this.#matrix = last.matrix
    this.#clip = last.clip
  }

  /** @param {Matrix} matrix */
  setTransform(...matrix) {
    this.#matrix = matrix
  }

  /** @param {Matrix} other */
  transform(...other) {
    const [a, b, c, d, e, f] = this.#matrix
    const [A, B, C, D, E, F] = other
    this.#matrix = [a * A + c * B, b * A + d * B, a * C + c * D, b * C + d * D, a * E + c * F + e, b * E + d * F + f]
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  translate(x, y) {
    this.transform(1, 0, 0, 1, x, y)
  }

  /**
   * @param {number} x
   * @param {number} [y]
   */
  scale(x, y = x) {
    this.transform(x, 0, 0, y, 0, 0)
  }

  /** @param {number} angle */
  rotate(angle) {
    this.transform(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0)
  }

  /** @param {number[]} dash */
  setLineDash(dash) {
    this.#dash = dash
  }

  beginPath() {
    this.#path = ""
    this.#circle = null
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  moveTo(x, y) {
    this.#add(`M${this.#at(x, y)}`)
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  lineTo(x, y) {
    this.#add(`${this.#path ? "L" : "M"}${this.#at(x, y)}`)
  }

  closePath() {
    this.#add("Z")
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  rect(x, y, width, height) {
    this.#add(`M${this.#at(x, y)}L${this.#at(x + width, y)}L${this.#at(x + width, y + height)}L${this.#at(x, y + height)}Z`)
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @param {number} radius
   */
  roundRect(x, y, width, height, radius) {
    const r = Math.min(radius, width / 2, height / 2)
    this.moveTo(x + r, y)
    for (const [cx, cy, turn] of [[x + width - r, y + r, -1], [x + width - r, y + height - r, 0], [x + r, y + height - r, 1], [x + r, y + r, 2]]) {
      this.ellipse(cx, cy, r, r, 0, (turn * Math.PI) / 2, ((turn + 1) * Math.PI) / 2)
    }
    this.closePath()
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   * @param {number} start
   * @param {number} end
   */
  arc(x, y, radius, start, end) {
    const [a, b, c, d] = this.#matrix
    const isAlone = !this.#path && Math.abs(end - start) >= FULL && Math.abs(a * d - b * c - (a * a + b * b)) < 1e-9
    this.ellipse(x, y, radius, radius, 0, start, end)
    if (isAlone) this.#circle = { x: a * x + c * y + this.#matrix[4], y: b * x + d * y + this.#matrix[5], r: radius * Math.hypot(a, b) }
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} rx
   * @param {number} ry
   * @param {number} turn
   * @param {number} start
   * @param {number} end
   */
  ellipse(x, y, rx, ry, turn, start, end) {
    const whole = Math.abs(end - start) >= FULL
    const angle = whole ? Math.sign(end - start) * FULL : end - start
    const num = Math.max(1, Math.ceil((Math.abs(angle) / FULL) * SEGMENTS))
    const step = angle / num
    const handle = (4 / 3) * Math.tan(step / 4)
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
    const place = (/** @type {number} */ u, /** @type {number} */ v) => this.#at(x + rx * u * cos - ry * v * sin, y + rx * u * sin + ry * v * cos)
    this.#add(`${this.#path ? "L" : "M"}${place(Math.cos(start), Math.sin(start))}`)
    for (let k = 0; k < num; k += 1) {
      const [from, to] = [start + k * step, start + (k + 1) * step]
      this.#add(
        `C${place(Math.cos(from) - handle * Math.sin(from), Math.sin(from) + handle * Math.cos(from))} ` +
        `${place(Math.cos(to) + handle * Math.sin(to), Math.sin(to) - handle * Math.cos(to))} ${place(Math.cos(to), Math.sin(to))}`)
    }
    if (whole) this.#add("Z")
  }

  stroke() {
    const dash = this.#dash.length ? ` stroke-dasharray="${this.#dash.map(short).join(" ")}"` : ""
    const joins = `${this.lineCap === "butt" ? "" : ` stroke-linecap="${this.lineCap}"`}${this.lineJoin === "miter" ? "" : ` stroke-linejoin="${this.lineJoin}"`}`
    this.#shape(`fill="none" ${colour("stroke", this.strokeStyle, this.globalAlpha)} stroke-width="${short(this.lineWidth * this.#size())}"${dash}${joins}`)
  }

  fill() {
    this.#shape(colour("fill", this.fillStyle, this.globalAlpha))
  }

  clip() {
    this.#num += 1
    const id = `clip${this.#num}`
    this.#parts.push(`<clipPath id="${id}"><path d="${this.#path}"${this.#clipped()}/></clipPath>`)
    this.#clip = id
  }

  clearRect() {
    // What is below stays: a document is begun empty.
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  fillRect(x, y, width, height) {
    this.#within(() => { this.rect(x, y, width, height); this.fill() })
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  strokeRect(x, y, width, height) {
    this.#within(() => { this.rect(x, y, width, height); this.stroke() })
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   */
  fillText(text, x, y) {
    if (!text) return
    const { size, weight, family } = fontOf(this.font)
    const [a, b, c, d, e, f] = this.#matrix
    const isTurned = b !== 0 || c !== 0 || a !== 1 || d !== 1
    const place = isTurned ? `transform="matrix(${[a, b, c, d, e, f].map(short).join(" ")})" x="${short(x)}"` : `x="${short(x + e)}"`
    const down = (isTurned ? y : y + f) + size * (BASELINES[/** @type {keyof typeof BASELINES} */ (this.textBaseline)] ?? 0)
    const anchor = ANCHORS[/** @type {keyof typeof ANCHORS} */ (this.textAlign)] ?? "start"
    this.#parts.push(
      `<text ${place} y="${short(down)}" font-family="${escaped(family)}" font-size="${short(size)}"${weight === "400" ? "" : ` font-weight="${weight}"`}` +
      `${anchor === "start" ? "" : ` text-anchor="${anchor}"`} ${colour("fill", this.fillStyle, this.globalAlpha)}${this.#clipped()}>${escaped(text)}</text>`)
  }

  /** @param {string} text */
  measureText(text) {
    const measure = this.#measure
    if (!measure) return { width: 0.55 * fontOf(this.font).size * text.length }
    measure.font = this.font
    return measure.measureText(text)
  }

  /**
   * @param {HTMLCanvasElement | HTMLImageElement} image
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  drawImage(image, x, y, width, height) {
    const address = "toDataURL" in image ? image.toDataURL() : image.src
    this.#parts.push(
      `<image href="${escaped(address)}" x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" preserveAspectRatio="none"` +
      `${this.imageSmoothingEnabled ? "" : ' style="image-rendering:pixelated"'}${this.globalAlpha === 1 ? "" : ` opacity="${short(this.globalAlpha)}"`}` +
      ` transform="matrix(${this.#matrix.map(short).join(" ")})"${this.#clipped()}/>`)
  }

  /** @param {() => void} draw */
  #within(draw) {
    const [path, circle] = [this.#path, this.#circle]
    this.beginPath()
    draw()
    this.#path = path
    this.#circle = circle
  }

  /** @param {string} more */
  #add(more) {
    this.#path += more
    this.#circle = null
  }

  /** @param {string} look */
  #shape(look) {
    if (!this.#path) return
    const form = this.#circle ? `<circle cx="${short(this.#circle.x)}" cy="${short(this.#circle.y)}" r="${short(this.#circle.r)}"` : `<path d="${this.#path}"`
    this.#parts.push(`${form} ${look}${this.#clipped()}/>`)
  }

  #clipped() {
    return this.#clip ? ` clip-path="url(#${this.#clip})"` : ""
  }

  /** How much larger lengths are on the paper. */
  #size() {
    const [a, b, c, d] = this.#matrix
    return Math.sqrt(Math.abs(a * d - b * c)) || 1
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #at(x, y) {
    const [a, b, c, d, e, f] = this.#matrix
    return `${short(a * x + c * y + e)} ${short(b * x + d * y + f)}`
  }
}

/**
 * A number with two decimals at most: a hundredth of a pixel.
 * @param {number} value
 */
function short(value) {
  return String(Math.round(100 * value) / 100)
}

/** @param {string} text */
function escaped(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
}

/**
 * @param {"fill" | "stroke"} name
 * @param {string} value
 * @param {number} alpha
 */
function colour(name, value, alpha) {
  return `${name}="${escaped(value)}"${alpha === 1 ? "" : ` ${name}-opacity="${short(alpha)}"`}`
}

/**
 * Size, weight and family of a font as a canvas has it: `600 12px sans-serif`.
 * @param {string} font
 */
function fontOf(font) {
  const [, weight, size, family] = /^(?:(\w+) )?([\d.]+)px (.*)$/.exec(font) ?? ["", "", "10", "sans-serif"]
  return { size: Number(size), weight: weight === "bold" ? "700" : /^\d+$/.test(weight ?? "") ? weight : "400", family }
}
