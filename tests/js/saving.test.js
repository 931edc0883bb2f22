/** Saving charts: SVG with its text as text, tables with units, names of files. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { gridTable, shortened } from "#browser/lib/image_grid.js"
import { csv, fileName, headerOf } from "#browser/lib/saving.js"
import { SvgContext } from "#browser/lib/svg_context.js"
import { tableOf } from "#components/chart/saving.js"

test("text of a drawing stays text, with its font, its place and what XML needs escaped", () => {
  const context = new SvgContext(200, 100)
  context.font = "600 12px Sans, serif"
  context.fillStyle = "#123456"
  context.textAlign = "right"
  context.textBaseline = "middle"
  context.translate(10, 20)
  context.fillText("KL < 3 & rising", 40, 5)
  const text = String(context)
  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="200" height="100"/)
  assert.match(text, /<text x="50" y="29.08" font-family="Sans, serif" font-size="12" font-weight="600" text-anchor="end" fill="#123456">KL &lt; 3 &amp; rising<\/text>/)
})

test("turned text keeps its turn, and paths and lengths follow the moves", () => {
  const context = new SvgContext(100, 100)
  context.save()
  context.translate(50, 50)
  context.rotate(-Math.PI / 2)
  context.fillText("z₂", 0, 0)
  context.restore()
  context.scale(2)
  context.lineWidth = 3
  context.beginPath()
  context.moveTo(1, 2)
  context.lineTo(3, 4)
  context.stroke()
  const text = String(context)
  assert.match(text, /<text transform="matrix\(0 -1 1 0 50 50\)" x="0" y="0"[^>]*>z₂<\/text>/)
  assert.match(text, /<path d="M2 4L6 8" fill="none" stroke="#000" stroke-width="6"\/>/)
})

test("a whole circle is written as one, an ellipse and part of an arc as curves that end where they should", () => {
  const context = new SvgContext(100, 100)
  context.globalAlpha = 0.5
  context.beginPath()
  context.arc(10, 20, 5, 0, 2 * Math.PI)
  context.fill()
  context.beginPath()
  context.arc(0, 0, 10, 0, Math.PI / 2)
  context.stroke()
  context.beginPath()
  context.ellipse(50, 50, 20, 10, 0, 0, 2 * Math.PI)
  context.stroke()
  const text = String(context)
  assert.match(text, /<circle cx="10" cy="20" r="5" fill="#000" fill-opacity="0.5"\/>/)
  assert.match(text, /<path d="M10 0C10 5.52 5.52 10 0 10"/)
  assert.match(text, /<path d="M70 50C70 55.52 61.05 60 50 60.*Z"/)
})

test("what is clipped names its clip, and nothing after restore does", () => {
  const context = new SvgContext(100, 100)
  context.save()
  context.beginPath()
  context.rect(0, 0, 10, 10)
  context.clip()
  context.fillRect(0, 0, 50, 50)
  context.restore()
  context.fillRect(0, 0, 1, 1)
  const text = String(context)
  assert.equal(text.match(/<clipPath id="clip1">/g).length, 1)
  assert.equal(text.match(/clip-path="url\(#clip1\)"/g).length, 1)
})

test("a table is CSV that spreadsheets read: quotes doubled, unknown left empty", () => {
  assert.equal(
    csv({ columns: ["class", "KL (nats per image)"], rows: [['six, "sixty"', 1.25], ["ten", Number.NaN], [null, -0.5]] }),
    'class,KL (nats per image)\r\n"six, ""sixty""",1.25\r\nten,\r\n,-0.5\r\n')
})

test("files get names that every system takes", () => {
  assert.equal(fileName("map: a/b · β = 4"), "map-a-b-β-4")
  assert.equal(fileName("../…"), "chart")
})

test("a bar whose name is broken into two lines is one word in the table", () => {
  const layout = { xaxis: { title: { text: "" } }, yaxis: { title: { text: "nats" } } }
  const found = tableOf({ layout, data: [{ name: "terms", x: ["E[log<br>p(x|z)]", "z<sub>1</sub>"], y: [1, 2] }] })
  assert.deepEqual(found.rows.map((row) => row[1]), ["E[log p(x|z)]", "z1"])
})

test("a chart's table has a column for each unit, and the errors", () => {
  const layout = { xaxis: { title: { text: "epochs" } }, yaxis: { title: { text: "nats per image" } }, yaxis2: { title: { text: "dimensions" } } }
  const found = tableOf({
    layout, data: [
      { name: "KL", x: [1, 2], y: [3.5, 4], error_y: { array: [0.1, 0.2] } }, { name: "active", yaxis: "y2", x: [1], y: [7] },
      { name: "left out", visible: false, x: [1], y: [2] },
    ],
  })
  assert.deepEqual(found.columns, ["series", "epochs", "value (nats per image)", "dimensions", "± standard error"])
  assert.deepEqual(found.rows, [["KL", 1, 3.5, null, 0.1], ["KL", 2, 4, null, 0.2], ["active", 1, null, 7, null]])
})

test("a contour's table has each cell", () => {
  const found = tableOf({ layout: { xaxis: { title: { text: "z₁" } }, yaxis: { title: { text: "z₂" } } }, data: [{ name: "p(z|x)", x: [0, 1], y: [5], z: [[0.25, 0.5]] }] })
  assert.deepEqual(found, { columns: ["series", "z₁ (σ of the prior = 1)", "z₂ (σ of the prior = 1)", "value (no unit)"], rows: [["p(z|x)", 0, 5, 0.25], ["p(z|x)", 1, 5, 0.5]] })
})

test("a grid's table has a row for each image, and none for an empty place", () => {
  const found = gridTable({ images: [["a", null], ["b", "c"]], columns: ["zero", "one"] }, ["z1 (σ of the prior)"], (row, column) => [10 * row + column])
  assert.deepEqual(found, {
    columns: ["row", "column", "column header", "z1 (σ of the prior)"], rows: [[1, 1, "zero", 0], [2, 1, "zero", 10], [2, 2, "one", 11]],
  })
})

test("in a presentation the letters of a chart and the room for them grow, and its numbers stay", async () => {
  const { enlarged } = await import("#components/chart/plotly.js")
  const layout = { font: { size: 12 }, margin: { l: 40, t: 8, r: 8, b: 30 }, xaxis: { tickfont: { size: 10 }, title: { text: "epochs", font: { size: 12 }, standoff: 8 } }, annotations: [{ font: { size: 11, color: "#fff" }, x: 3 }] }
  const grown = enlarged(layout, 1.5)
  assert.deepEqual(grown, {
    font: { size: 18 }, margin: { l: 60, t: 8, r: 8, b: 45 }, xaxis: { tickfont: { size: 15 }, title: { text: "epochs", font: { size: 18 }, standoff: 12 } },
    annotations: [{ font: { size: 16.5, color: "#fff" }, x: 3 }],
  })
  assert.equal(layout.font.size, 12)
  const x = [1, 2, 3]
  const [trace] = enlarged([{ x, marker: { size: [4, 5] }, textfont: { size: 10 } }], 2)
  assert.equal(trace.x, x)
  assert.deepEqual(trace.marker.size, [4, 5])
  assert.equal(trace.textfont.size, 20)
  assert.equal(enlarged(layout, 1), layout)
})

test("a header of a saved grid is cut where it would run into the next, whole letters at a time", () => {
  const context = { measureText: (text) => ({ width: 10 * [...text].length }) }
  assert.equal(shortened(context, "Ankle boot", 200), "Ankle boot")
  assert.equal(shortened(context, "Ankle boot", 72), "Ankle…")
  assert.equal(shortened(context, "👟👟👟", 20), "👟…")
  assert.equal(shortened(context, "Bag", 5), "B…")
})

test("a header has its unit in brackets, whatever the axis calls it; words and what has no unit say so", () => {
  const found = ["−ELBO, nats", "nats per image", "z₁₂", "", "epochs", "what the decoder says, x̂", "time, seconds"].map((title) => headerOf(title))
  assert.deepEqual(found, ["−ELBO (nats)", "value (nats per image)", "z₁₂ (σ of the prior = 1)", "value (no unit)", "epochs", "what the decoder says, x̂", "time (seconds)"])
  assert.equal(headerOf("class y", true), "what")
})

test("panels above each other have the title of the lowest, a bar its value and not its length", () => {
  const layout = { xaxis: {}, xaxis2: { title: { text: "epochs" } }, yaxis: { title: { text: "nats" } }, yaxis2: {} }
  const found = tableOf({
    layout, data: [{ name: "KL", x: [1], y: [3] }, { name: "β", xaxis: "x2", yaxis: "y2", x: [1], y: [2] }, { name: "log p", x: [2], y: [1], base: -9, meta: { values: [-8] } }],
  })
  assert.deepEqual(found.columns, ["series", "epochs", "value (nats)", "value (no unit)"])
  assert.deepEqual(found.rows, [["KL", 1, 3, null], ["β", 1, null, 2], ["log p", 2, -8, null]])
  assert.deepEqual(tableOf({ layout, data: [{ name: "w", x: [1], y: [2] }] }, ["weight (no unit)", "cost (nats)"]).columns, ["series", "weight (no unit)", "cost (nats)"])
})
