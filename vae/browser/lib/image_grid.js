/** A grid of images as a picture that can be saved: headers above and beside them, and the images enlarged by whole pixels. */
import { element } from "./dom.js"
import { contextOf } from "./picture.js"
import { drawn, saveMenu } from "./saving.js"
import { theme } from "./theme.js"

/** Pixels between two images, around the grid, and for a line of a header. */
const [GAP, AIR, LINE] = [2, 8, 18]
/** An image is enlarged to at least so many CSS pixels. */
const SIDE = 64

/**
 * @typedef {{images: (HTMLCanvasElement | HTMLImageElement | null)[][], columns?: string[], rows?: string[]}} Grid Images row by row,
 *   with a header for each column and row or none; null leaves a place empty.
 */

/**
 * @param {Grid} grid
 * @param {{background: string, text: string, muted: string, font: string}} colours Of the page.
 */
export function gridPicture({ images, columns = [], rows = [] }, { background, text, font }) {
  const first = images.flat().find((image) => image !== null)
  const [wide, high] = first ? sizeOf(first) : [1, 1]
  const times = Math.max(1, Math.ceil(SIDE / Math.max(wide, high)))
  const [width, height] = [wide * times, high * times]
  const letters = `12px ${font}`
  const left = rows.length ? AIR + Math.max(...rows.map((row) => 7 * row.length)) : 0
  const top = columns.length ? LINE : 0
  const num = Math.max(1, ...images.map((row) => row.length))
  return drawn({
    width: 2 * AIR + left + num * (width + GAP) - GAP, height: 2 * AIR + top + images.length * (height + GAP) - GAP, background,
    paint(context) {
      Object.assign(context, { font: letters, fillStyle: text, textAlign: "center", textBaseline: "middle", imageSmoothingEnabled: false })
      columns.forEach((column, k) => context.fillText(shortened(context, column, width), AIR + left + k * (width + GAP) + width / 2, AIR + top / 2))
      context.textAlign = "right"
      rows.forEach((row, k) => context.fillText(row, left, AIR + top + k * (height + GAP) + height / 2))
      images.forEach((row, j) => row.forEach((image, k) => {
        if (image) context.drawImage(image, AIR + left + k * (width + GAP), AIR + top + j * (height + GAP), width, height)
      }))
    },
  })
}

/**
 * A text, or as much of it as fits, so that a header does not run into its neighbour's.
 * @param {{measureText: (text: string) => {width: number}}} context
 * @param {string} text
 * @param {number} width Pixels.
 */
export function shortened(context, text, width) {
  if (context.measureText(text).width <= width) return text
  const letters = [...text]
  while (letters.length > 1 && context.measureText(`${letters.join("").trimEnd()}…`).width > width) letters.pop()
  return `${letters.join("").trimEnd()}…`
}

/**
 * @param {HTMLCanvasElement | HTMLImageElement} image
 * @returns {[number, number]}
 */
function sizeOf(image) {
  return "naturalWidth" in image ? [image.naturalWidth, image.naturalHeight] : [image.width, image.height]
}

/**
 * The table of a grid: a row for each image, with its place in the grid from 1, its headers, and what else is known of it.
 * @param {{images: unknown[][], columns?: string[], rows?: string[]}} grid
 * @param {string[]} [more] Headers of what else is known.
 * @param {(row: number, column: number) => (string | number | null | undefined)[]} [known]
 * @returns {import("./saving.js").Table}
 */
export function gridTable({ images, columns = [], rows = [] }, more = [], known = () => []) {
  return {
    columns: ["row", "column", ...(rows.length ? ["row header"] : []), ...(columns.length ? ["column header"] : []), ...more],
    rows: images.flatMap((line, j) => line.flatMap((image, k) => (image === null ? [] : [[
      j + 1, k + 1, ...(rows.length ? [rows[j]] : []), ...(columns.length ? [columns[k]] : []), ...known(j, k),
    ]]))),
  }
}

/**
 * The button that saves some images as they are shown.
 * @param {() => {name: string, grid: Grid, known?: {columns: string[], of: (row: number, column: number) => (string | number | null | undefined)[]}}} what
 *   What the file is called; the images; and what is known of each, without which the table has their pixels.
 * @param {string} of What is saved, for those who hear the page.
 */
export function gridMenu(what, of) {
  const menu = saveMenu(() => {
    const { name, grid, known } = what()
    const images = grid.images.flat().filter((image) => image !== null)
    if (!images.some((image) => sizeOf(image)[0] > 1)) throw new Error("There are no images yet to save; wait until they are drawn.")
    const table = () => {
      if (known) return gridTable(grid, known.columns, known.of)
      return images.length === 1 ? pixelTable(images[0]) : pixelsOfGrid(grid)
    }
    return { name, picture: () => gridPicture(grid, theme(menu)), table }
  }, of)
  return menu
}

/** The pixels of all images of a grid: where each image stands, and a row for each of its pixels. @param {Grid} grid @returns {import("./saving.js").Table} */
function pixelsOfGrid(grid) {
  const tables = grid.images.map((line) => line.map((image) => image && pixelTable(image)))
  const longest = tables.flat().reduce((most, one) => (one && one.columns.length > most.length ? one.columns : most), /** @type {string[]} */ ([]))
  // Where one image has colours, all are told in them.
  const values = (/** @type {any[]} */ row) => (row.length < longest.length ? [row[0], row[1], row[2], row[2], row[2]] : row)
  const { columns, rows } = gridTable(grid, longest)
  const places = tables.flatMap((line) => line.filter((one) => one !== null))
  return { columns, rows: places.flatMap((one, k) => /** @type {import("./saving.js").Table} */ (one).rows.map((row) => [...rows[k], ...values(row)])) }
}

/**
 * The pixels of an image as a table, a row for each: where it is, and its values.
 * @param {HTMLCanvasElement | HTMLImageElement} image
 * @returns {import("./saving.js").Table}
 */
export function pixelTable(image) {
  const [width, height] = sizeOf(image)
  const context = contextOf(element("canvas", { width, height }), { willReadFrequently: true })
  context.drawImage(image, 0, 0)
  const { data } = context.getImageData(0, 0, width, height)
  let isGrey = true
  for (let k = 0; k < data.length && isGrey; k += 4) isGrey = data[k] === data[k + 1] && data[k] === data[k + 2]
  const rows = Array.from({ length: width * height }, (_, k) => [Math.floor(k / width), k % width, ...data.subarray(4 * k, 4 * k + (isGrey ? 1 : 3))])
  return { columns: ["row (pixels)", "column (pixels)", ...(isGrey ? ["grey (0 to 255)"] : ["red (0 to 255)", "green (0 to 255)", "blue (0 to 255)"])], rows }
}
