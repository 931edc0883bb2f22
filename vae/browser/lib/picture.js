/** Puts mean images on a canvas, pixel by pixel; how large they appear is up to CSS. */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./decoder.js").Picture} picture
 */
export function paint(canvas, picture) {
  const { width, height } = picture
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const context = (canvas.llContext ??= contextOf(canvas))
  if (picture.bitmap) {
    context.drawImage(picture.bitmap, 0, 0)
    picture.bitmap.close()
    return
  }
  if (canvas.llPixels?.width !== width || canvas.llPixels?.height !== height) {
    canvas.llPixels = context.createImageData(width, height)
    canvas.llPixels.data.fill(255)
  }
  const pixels = canvas.llPixels.data
  const { data = [], channels } = picture
  const size = width * height
  const offset = picture.offset ?? 0
  const scale = picture.scale ?? 255
  const [green, blue] = channels === 3 ? [size, 2 * size] : [0, 0]
  for (let k = 0, at = offset; k < size; k += 1, at += 1) {
    // A clamped array rounds and keeps within 0 to 255: the mean of a Gaussian may leave [0, 1].
    pixels[4 * k] = data[at] * scale
    pixels[4 * k + 1] = data[at + green] * scale
    pixels[4 * k + 2] = data[at + blue] * scale
  }
  context.putImageData(canvas.llPixels, 0, 0)
}

/**
 * What to draw on a canvas with.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {CanvasRenderingContext2D}
 */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings)
  if (!context) throw new Error("This browser gives no more canvases; reload the page.")
  return /** @type {CanvasRenderingContext2D} */ (context)
}
