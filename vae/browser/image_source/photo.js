/** A picture file of the person's own, checked, and made into an image of the model's size. It never leaves the page. */
import { centred } from "../drawing_pad/strokes.js"

const MAX_BYTES = 20 * 2 ** 20
const MAX_PIXELS = 50e6
/** Pixels of the longer side that everything is computed on. */
const SIDE = 512

/** A file that is refused; the message says why and what to do. */
export class Refused extends Error {}

/**
 * The size that a picture's header names: nothing is unpacked before it is known to be bounded.
 * @param {Uint8Array} bytes The file's beginning.
 * @returns {{width: number, height: number} | null} Null if it is no PNG, JPEG, WebP or GIF.
 */
export function sizeOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to))
  try {
    if (text(1, 4) === "PNG") return { width: view.getUint32(16), height: view.getUint32(20) }
    if (text(0, 4) === "GIF8") return { width: view.getUint16(6, true), height: view.getUint16(8, true) }
    if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") {
      const kind = text(12, 16)
      if (kind === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
      if (kind === "VP8L") {
        const packed = view.getUint32(21, true)
        return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
      }
      if (kind === "VP8X") {
        const three = (at) => view.getUint16(at, true) + 65536 * view.getUint8(at + 2) + 1
        return { width: three(24), height: three(27) }
      }
      return null
    }
    if (view.getUint16(0) === 0xffd8) {
      for (let at = 2; ; ) {
        if (view.getUint8(at) !== 0xff) return null
        const marker = view.getUint8(at + 1)
        const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
        if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
        at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2)
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return null
}

/**
 * Read a file.
 * @param {Blob} file
 * @returns {Promise<ImageData>} At most 512 pixels a side, on white where it is transparent.
 * @throws {Refused}
 */
export async function read(file) {
  if (file.size > MAX_BYTES) {
    throw new Refused(`The image file must be at most 20 MB, got ${(file.size / 2 ** 20).toFixed(0)} MB; make it smaller.`)
  }
  const size = sizeOf(new Uint8Array(await file.slice(0, 2 ** 20).arrayBuffer()))
  if (!size) throw new Refused("The file must be a PNG, JPEG, WebP or GIF image; choose another.")
  if (!(size.width * size.height > 0 && size.width * size.height <= MAX_PIXELS)) {
    throw new Refused(`The image must have at most 50 million pixels, got ${size.width} × ${size.height}; make it smaller.`)
  }
  let bitmap
  try {
    bitmap = await createImageBitmap(file)
  } catch {
    throw new Refused("The image file is damaged or of a kind that this browser cannot read; save it as PNG and try again.")
  }
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height))
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)))
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })
  context.fillStyle = "#fff"
  context.fillRect(0, 0, width, height)
  context.imageSmoothingQuality = "high"
  context.drawImage(bitmap, 0, 0, width, height)
  bitmap.close()
  return context.getImageData(0, 0, width, height)
}

/**
 * Make it an image as the model knows them.
 * @param {ImageData} picture
 * @param {[number, number, number]} shape Channels, height and width of the model's images.
 * @param {{centring: boolean, invert: string}} options `invert` is `auto`, `yes` or `no`.
 * @returns {{x: Float32Array, inverted: boolean}}
 */
export function prepare(picture, [channels, height, width], { centring, invert }) {
  const from = { width: picture.width, height: picture.height }
  const planes = channels === 3 ? [0, 1, 2].map((channel) => plane(picture, channel)) : [grey(picture)]
  const around = median(border(channels === 3 ? grey(picture) : planes[0], from))
  const inverted = invert === "yes" || (invert === "auto" && channels === 1 && around > 0.5)
  if (inverted) for (const values of planes) values.forEach((value, k) => { values[k] = 1 - value })
  let outside = planes.map((values) => median(border(values, from)))
  if (centring) {
    // Paper is not black when it is inverted: what is around becomes 0, the strongest ink 1.
    planes.forEach((values, k) => stretch(values, outside[k]))
    outside = planes.map(() => 0)
  }
  const fit = Math.min(width / from.width, height / from.height)
  const whole = { scale: fit, x: (width - fit * from.width) / 2, y: (height - fit * from.height) / 2 }
  const ink = planes.length === 1 ? planes[0] : planes[0].map((_, k) => Math.max(...planes.map((values) => values[k])))
  const placement = (centring && centred(ink, from, { width, height })) || whole
  const x = new Float32Array(channels * width * height)
  planes.forEach((values, k) => x.set(resample(values, from, { width, height }, placement, outside[k]), k * width * height))
  return { x, inverted }
}

/** The mean over each pixel of the result of what lies below it. */
function resample(values, from, to, { scale, x, y }, outside) {
  const made = new Float32Array(to.width * to.height)
  // Where the result is the finer one, a place is looked at in its middle.
  const num = Math.max(1, Math.ceil(1 / scale))
  for (let row = 0, at = 0; row < to.height; row += 1) {
    for (let column = 0; column < to.width; column += 1, at += 1) {
      let sum = 0
      for (let j = 0; j < num; j += 1) {
        const v = Math.floor((row + (j + 0.5) / num - y) / scale)
        for (let i = 0; i < num; i += 1) {
          const u = Math.floor((column + (i + 0.5) / num - x) / scale)
          sum += u >= 0 && v >= 0 && u < from.width && v < from.height ? values[v * from.width + u] : outside
        }
      }
      made[at] = sum / (num * num)
    }
  }
  return made
}

function plane({ data }, channel) {
  return Float32Array.from({ length: data.length / 4 }, (_, k) => data[4 * k + channel] / 255)
}

/** Luma of Rec. 601, as PIL's grey. */
function grey({ data }) {
  return Float32Array.from(
    { length: data.length / 4 },
    (_, k) => (0.299 * data[4 * k] + 0.587 * data[4 * k + 1] + 0.114 * data[4 * k + 2]) / 255,
  )
}

function border(values, { width, height }) {
  const found = []
  for (let column = 0; column < width; column += 1) found.push(values[column], values[(height - 1) * width + column])
  for (let row = 0; row < height; row += 1) found.push(values[row * width], values[(row + 1) * width - 1])
  return found
}

function median(values) {
  return Float32Array.from(values).sort()[values.length >> 1]
}

function stretch(values, low) {
  const sorted = Float32Array.from(values).sort()
  const high = Math.max(low + 0.1, sorted[Math.floor(0.995 * (sorted.length - 1))])
  // A margin keeps the grain of paper and lamp light out.
  const start = low + 0.15 * (high - low)
  values.forEach((value, k) => { values[k] = Math.min(1, Math.max(0, (value - start) / (high - start))) })
}
