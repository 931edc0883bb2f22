/** Decoded frames beside each other, and under them how many images lie along the path; a frame slides over both. */
import { count, element, number, say } from "../../../../vae/browser/lib/dom.js"
import { drawn, saveMenu } from "../../../../vae/browser/lib/saving.js"
import { mix, theme } from "../../../../vae/browser/lib/theme.js"

const TALL = 56
const GAP = 4
const MOST = 25
/** Height of the chart in CSS pixels. */
const CHART = 56

/**
 * @typedef {{z: {data: Float32Array, shape: number[]}, count?: {data: Int32Array}, stops: number[], labels: (number | null)[], radius?: number,
 *   usual_radius?: number, num_images?: number, num_neighbours?: number, reason: string}} Frames What the server says of a path.
 * @param {{scrubbed: (frame: number, event: Event) => void, released: () => void, measured: () => void, failed: (sentence: string) => void,
 *   decode: (client: object, z: Float32Array, canvas: HTMLCanvasElement, y?: Float32Array | null) => void,
 *   condition: (frame: number, frames: Frames) => {y: Float32Array, words: string} | null, name: () => string, classes: () => string[]}} page `condition`: Under which classes a
 *   frame is decoded; null for a model that takes none. `name`: What a saved picture is called.
 */
export function strip(page) {
  const tiles = element("div", { class: "tiles" })
  const chart = element("canvas", { class: "chart", "aria-hidden": "true", style: { height: `${CHART}px` } })
  const scrubber = element("input", {
    class: "scrubber", type: "range", min: 0, max: 1, step: 1, value: 0, "aria-label": "Frame of the path", dataset: { control: "frame" },
    oninput: (event) => { place(event.target.valueAsNumber); page.scrubbed(event.target.valueAsNumber, event) },
    onchange: () => page.released(),
  })
  const stage = element("div", { class: "stage" }, tiles, chart, scrubber)
  const preview = element("canvas", { class: "ll-pixels preview", width: 1, height: 1, role: "img", "aria-label": "Decoded frame under the scrubber" })
  const readout = element("span", { class: "readout" })
  const legend = element("span", {})
  const radius = element("input", {
    class: "field number", type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": "Radius within which images count as neighbours",
    title: "How near an image must be to count as a neighbour. Empty: the distance of a typical image's tenth neighbour. Arrow keys change it by a quarter.",
    onchange: () => measure(radius.value),
    onkeydown: (event) => {
      const times = { ArrowUp: 1.25, ArrowDown: 0.8 }[event.key]
      if (!times || !frames?.radius) return
      event.preventDefault()
      measure(String(times * Number(radius.value || frames.usual_radius)))
    },
  })
  const words = element("p", { class: "ll-note words-below" }, readout, legend, element("label", { class: "radius", dataset: { control: "radius" } }, "Radius", radius))
  const node = element("div", { class: "film", hidden: true }, element("div", { class: "screen" }, preview, stage), words)

  /** @type {Frames | null} */
  let frames = null
  let aspect = 1
  let width = 0
  /** The radius that the person chose, as the link has it, and its bounds. */
  let chosen = ""
  let radii = [0, Infinity]
  /** Frames that have a tile. */
  let shown = []

  const observer = new ResizeObserver(() => {
    if (frames && stage.clientWidth && stage.clientWidth !== width) draw()
  })
  observer.observe(stage)

  function measure(text) {
    const value = Number(text.trim().replace(",", "."))
    const [least, most] = radii
    if (text.trim() && !(value >= least && value <= most)) {
      page.failed(`The radius must be a number from ${least} to ${most}, got ${text.trim().slice(0, 20)}; leave it empty for the default.`)
      radius.value = chosen
      return
    }
    chosen = radius.value = text.trim() && String(Number(value.toPrecision(3)))
    page.measured()
  }

  function frame(index) {
    const [, dims] = frames.z.shape
    return frames.z.data.subarray(index * dims, (index + 1) * dims)
  }

  function draw() {
    width = stage.clientWidth
    if (!width) return
    const num = frames.z.shape[0]
    const wide = Math.round(Math.min(112, Math.max(32, TALL * aspect)))
    const room = Math.max(2, Math.min(MOST, num, Math.floor((width + GAP) / (wide + GAP))))
    shown = Array.from({ length: room }, (_, k) => Math.round((k * (num - 1)) / (room - 1)))
    tiles.replaceChildren(...shown.map(() => element("canvas", { class: "ll-pixels", width: 1, height: 1, style: { width: `${wide}px`, height: `${TALL}px` } })))
    stage.style.setProperty("--wide", `${wide}px`)
    drawTiles()
    drawChart(wide)
  }

  function drawTiles() {
    shown.forEach((index, k) => {
      const canvas = /** @type {HTMLCanvasElement} */ (tiles.children[k])
      page.decode(canvas, frame(index), canvas, page.condition(index, frames)?.y)
    })
  }

  /** Where a frame is across the stage: the middle of its tile. */
  function across(index, wide) {
    return wide / 2 + (index / (frames.z.shape[0] - 1)) * (width - wide)
  }

  function drawChart(wide) {
    const ratio = window.devicePixelRatio || 1
    chart.width = Math.round(width * ratio)
    chart.height = Math.round(CHART * ratio)
    const pen = chart.getContext("2d")
    pen.scale(ratio, ratio)
    paintChart(pen, wide, theme(node))
  }

  /** @param {CanvasRenderingContext2D} pen In CSS pixels. */
  function paintChart(pen, wide, colours) {
    pen.font = `11px ${colours.font}`
    const caption = (text, x, y, align) => {
      pen.textAlign = align
      pen.fillStyle = colours.muted
      pen.fillText(text, x, y)
    }
    const counts = frames.count?.data
    if (counts) {
      const most = Math.max(1, ...counts)
      const step = across(1, wide) - across(0, wide)
      for (const [from, to] of empty(counts)) {
        const [left, side] = [across(from, wide) - step / 2, (to - from + 1) * step]
        hatch(pen, left, side, colours)
        if (side > 48) caption("empty", left + side / 2, CHART - 6, "center")
      }
      const up = (value) => CHART - 1 - (value / most) * (CHART - 16)
      pen.beginPath()
      counts.forEach((value, index) => pen.lineTo(across(index, wide), up(value)))
      pen.strokeStyle = colours.primary
      pen.lineWidth = 1.5
      pen.lineJoin = "round"
      pen.stroke()
      pen.lineTo(across(counts.length - 1, wide), CHART)
      pen.lineTo(across(0, wide), CHART)
      pen.globalAlpha = 0.2
      pen.fillStyle = colours.primary
      pen.fill()
      pen.globalAlpha = 1
      caption(`most ${count(most)}`, across(counts.length - 1, wide) - 6, 10, "right")
    }
    pen.strokeStyle = mix(colours.background, colours.text, 0.4)
    pen.lineWidth = 1
    frames.stops.forEach((at, k) => {
      const x = Math.round(across(at, wide)) + 0.5
      pen.beginPath()
      pen.moveTo(x, 0)
      pen.lineTo(x, CHART)
      pen.stroke()
      if (k && k < frames.stops.length - 1) caption(String(k + 1), x + 4, 10, "left")
    })
  }

  /** The button that saves the strip: its images above the chart, and the frames as a table. */
  const save = saveMenu(() => {
    if (!frames || !width) throw new Error("There is no path yet to save; add two stops.")
    return { name: page.name(), picture, table }
  }, "the path")

  function picture() {
    const colours = theme(node)
    const wide = parseFloat(stage.style.getPropertyValue("--wide"))
    const edge = 12
    return drawn({
      width: width + 2 * edge, height: TALL + GAP + CHART + 24 + 2 * edge, background: colours.background,
      paint(context) {
        context.translate(edge, edge)
        context.imageSmoothingEnabled = false
        shown.forEach((index, k) => context.drawImage(/** @type {HTMLCanvasElement} */ (tiles.children[k]), across(index, wide) - wide / 2, 0, wide, TALL))
        context.save()
        context.translate(0, TALL + GAP)
        paintChart(context, wide, colours)
        context.restore()
        Object.assign(context, { font: `11px ${colours.font}`, fillStyle: colours.muted, textAlign: "left", textBaseline: "middle" })
        context.fillText(legend.textContent ?? "", 0, TALL + GAP + CHART + 14)
      },
    })
  }

  function table() {
    const [num, dims] = frames.z.shape
    const counts = frames.count?.data
    return {
      columns: ["frame", "stop", ...(counts ? [`test images within ${digits(frames.radius)} (σ of the prior = 1)`] : []), ...Array.from({ length: dims }, (_, d) => `z${d + 1} (σ of the prior = 1)`),
        ...Array.from(page.condition(0, frames)?.y ?? [], (_, k) => `weight of class ${page.classes()[k]} (0 to 1)`)],
      rows: Array.from({ length: num }, (_, index) => {
        const stop = frames.stops.findIndex((at) => Math.round(at) === index)
        const condition = page.condition(index, frames)
        return [index + 1, stop < 0 ? null : stop + 1, ...(counts ? [counts[index]] : []), ...frame(index), ...(condition ? condition.y : [])]
      }),
    }
  }

  function place(index) {
    if (!frames) return
    if (scrubber.valueAsNumber !== index) scrubber.value = index
    tellFrame(index)
  }

  function tellFrame(index) {
    const condition = page.condition(index, frames)
    page.decode(preview, frame(index), preview, condition?.y)
    const counts = frames.count?.data
    const near = counts ? `${count(counts[index])} of ${count(frames.num_images)} test images within ${digits(frames.radius)} here` : ""
    say(readout, [`Frame ${index + 1} of ${frames.z.shape[0]}`, condition && `decoded as ${condition.words}`, near].filter(Boolean).join(" · "))
    readout.classList.toggle("alone", counts?.[index] === 0)
    scrubber.setAttribute("aria-valuetext", readout.textContent)
  }

  function explain() {
    const counts = frames.count?.data
    if (!counts) return say(legend, `Images near the path cannot be counted: ${frames.reason}`)
    const share = counts.filter((value) => value === 0).length / counts.length
    const usual = digits(frames.usual_radius)
    radius.placeholder = usual
    const typical = `A typical test image has ${frames.num_neighbours} others within ${usual}.`
    say(legend, share ? `${number(100 * share, 0)} % of the path is empty space. ${typical}` : typical)
  }

  return {
    node,
    save,
    /** The frame under the scrubber. */
    get index() {
      return scrubber.valueAsNumber
    },
    get num() {
      return frames ? frames.z.shape[0] : 0
    },
    get stops() {
      return frames?.stops ?? []
    },
    /** Under which classes a frame is decoded; null for a model that takes none. */
    condition(index) {
      return frames && page.condition(index, frames)
    },
    /** The radius that the person chose; empty for the usual one. */
    get radius() {
      return chosen
    },
    set radius(text) {
      chosen = radius.value = text
    },
    /** Bounds of the radius. */
    set radii(bounds) {
      radii = bounds
    },
    frame,
    place,
    /**
     * @param {Frames | null} next
     * @param {number} ratio Width of an image over its height.
     */
    show(next, ratio) {
      const before = frames && frames.z.shape[0] > 1 ? scrubber.valueAsNumber / (frames.z.shape[0] - 1) : 0
      frames = next
      aspect = ratio
      node.hidden = !frames
      preview.style.aspectRatio = String(aspect)
      if (!frames) return
      scrubber.max = String(frames.z.shape[0] - 1)
      explain()
      draw()
      place(Math.round(before * (frames.z.shape[0] - 1)))
    },
    /** Draw the chart again: the theme may have changed. */
    repaint() {
      if (frames && width) drawChart(parseFloat(stage.style.getPropertyValue("--wide")))
    },
    /** Draw again what is decoded: the condition or the weights have changed. */
    redraw() {
      if (!frames) return
      drawTiles()
      tellFrame(scrubber.valueAsNumber)
    },
    unmount() {
      observer.disconnect()
    },
  }
}

/** Stretches of frames with no image near, each as its first and its last. */
function empty(counts) {
  const found = []
  counts.forEach((value, index) => {
    if (value) return
    const last = found.at(-1)
    if (last && last[1] === index - 1) last[1] = index
    else found.push([index, index])
  })
  return found
}

/** Two digits that count. */
function digits(value) {
  return value > 0 && value < 1000 ? String(Number(value.toPrecision(2))) : number(value)
}

/** Slanted lines over a stretch of the chart. */
function hatch(pen, left, side, colours) {
  pen.save()
  pen.beginPath()
  pen.rect(left, 0, side, CHART)
  pen.fillStyle = mix(colours.background, colours.text, 0.06)
  pen.fill()
  pen.clip()
  pen.beginPath()
  for (let x = left - CHART; x < left + side; x += 6) {
    pen.moveTo(x, CHART)
    pen.lineTo(x + CHART, 0)
  }
  pen.strokeStyle = mix(colours.background, colours.text, 0.2)
  pen.lineWidth = 1
  pen.stroke()
  pen.restore()
}
