import assert from "node:assert/strict"
import { test } from "node:test"
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
