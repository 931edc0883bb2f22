import assert from "node:assert/strict"
import { test } from "node:test"
import { across, HIGH, outline, topOf, WIDE } from "../../dashboard/views/learn/kl/density.js"
import { klTerms } from "../../dashboard/views/learn/kl/terms.js"

/** A Riemann sum of the definition. */
function integrated(mean, sigma) {
  let total = 0
  const step = sigma / 400
  for (let x = mean - 9 * sigma; x < mean + 9 * sigma; x += step) {
    const q = Math.exp(-(((x - mean) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI))
    total += step * q * (-(((x - mean) / sigma) ** 2) / 2 - Math.log(sigma) + x ** 2 / 2)
  }
  return total
}

test("the closed form is the integral of the definition", () => {
  for (const [mean, sigma] of [[0, 1], [1.5, 0.3], [-2, 2]]) assert.ok(Math.abs(klTerms(mean, sigma).kl - integrated(mean, sigma)) < 1e-5)
})

test("the gradient is the slope", () => {
  const [mean, sigma, step] = [0.7, 0.4, 1e-6]
  const found = klTerms(mean, sigma)
  assert.ok(Math.abs((klTerms(mean + step, sigma).kl - klTerms(mean - step, sigma).kl) / (2 * step) - found.byMean) < 1e-6)
  assert.ok(Math.abs((klTerms(mean, sigma + step).kl - klTerms(mean, sigma - step).kl) / (2 * step) - found.bySigma) < 1e-6)
})

test("without the square the term can fall below zero, which no KL does", () => {
  assert.ok(klTerms(-0.5, 1).withoutSquare < 0)
  assert.ok(klTerms(-0.5, 1).kl > 0)
})

test("a density's outline has no flat top and no corners, however narrow it is", () => {
  for (const [mean, sigma] of [[0, 1], [-1.25, 0.3], [2, 0.12], [0, 3], [4, 0.05]]) {
    const top = topOf(sigma)
    const points = outline(mean, sigma, top).slice(2).split(" L ").map((point) => point.split(" ").map(Number))
    const peak = Math.min(...points.map(([, y]) => y))
    const flat = points.filter(([, y]) => y === peak).map(([x]) => x)
    assert.ok(Math.max(...flat) - Math.min(...flat) < (0.3 * sigma * WIDE) / 10 + 0.2, `flat at σ = ${sigma}`)
    assert.equal(points.every(([x], k) => k === 0 || x >= points[k - 1][0]), true)
    assert.ok(Math.abs(points.find(([, y]) => y === peak)[0] - across(mean)) < (0.1 * sigma * WIDE) / 10 + 0.2)
    // Within the chart down to a σ of 0.1; a higher peak leaves it.
    if (sigma >= 0.1) assert.ok(peak >= 0 && peak <= HIGH, `peak at ${peak}`)
    // Between neighbours never more than a tenth of the height that there is.
    const steps = points.slice(1).map(([, y], k) => Math.abs(y - points[k][1]))
    assert.ok(Math.max(...steps) < 0.1 * (HIGH - peak), `corner at σ = ${sigma}`)
  }
})
