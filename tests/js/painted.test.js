/** Which images of Generate are of which weights and which sheet: none may stay that is of the sheet or the weights before. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { keyOf, Painted, wordsAtEnd } from "../../dashboard/views/generate/follow_time/painted.js"

const best = { at: "best", stamp: "1" }
const live = { at: "best", stamp: "2" }
const seed0 = { z: [[0, 1]], conditions: null }
const seed1 = { z: [[1, 0]], conditions: null }

test("an image that Python drew is of the weights that it drew with", () => {
  const painted = new Painted()
  const image = { src: "python-0" }
  assert.equal(painted.isOf(image, keyOf(best), seed0, best), true)
  assert.equal(painted.isOf(image, keyOf(live), seed0, best), false)
})

test("an image that was decoded for the sheet before is not of the new one", () => {
  const painted = new Painted()
  const image = { src: "python-0" }
  // Python's image of the new seed is there, its z is not yet: what is decoded now is of the old one.
  image.src = "python-1"
  painted.put(image, "decoded-0", keyOf(live), seed0)
  assert.equal(painted.isOf(image, keyOf(live), seed0, best), true)
  assert.equal(painted.isOf(image, keyOf(live), seed1, best), false)
  painted.put(image, "decoded-1", keyOf(live), seed1)
  assert.equal(painted.isOf(image, keyOf(live), seed1, best), true)
  // The same z under other conditions is another sheet, and another weight another image.
  assert.equal(painted.isOf(image, keyOf(live), { ...seed1, conditions: [[[0, 1]]] }, best), false)
  assert.equal(painted.isOf(image, keyOf(best), seed1, best), false)
})

test("an image that Python put in the place of a decoded one is Python's", () => {
  const painted = new Painted()
  const image = { src: "python-0" }
  painted.put(image, "decoded-0", keyOf(live), seed0)
  image.src = "python-1"
  assert.equal(painted.isOf(image, keyOf(best), seed1, best), true)
})

test("the weights at the right end are called as Python calls them, whatever their stamp", () => {
  const end = { ...best, words: "Weights: best on validation, of step 84." }
  assert.equal(wordsAtEnd(best, end), end.words)
  assert.equal(wordsAtEnd(live, end), end.words)
  assert.equal(wordsAtEnd({ at: "last", stamp: "3" }, end), "Weights: newest.")
})
