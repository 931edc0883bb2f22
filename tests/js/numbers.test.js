/** Numbers, names and sentences as the page says them. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { count, dimName, number, point, significant } from "#browser/lib/dom.js"
import { spanOf, typedNumber, wordsOfPrior } from "#browser/sliders/spans.js"
import { stepsBetween } from "#browser/sliders/strips.js"

test("a number has its decimals, a true minus sign and no minus zero", () => {
  for (const [value, decimals, words] of [
    [0, 2, "0.00"], [1.005, 1, "1.0"], [-1.25, 1, "−1.3"], [-0.001, 2, "0.00"], [-0, 2, "0.00"], [12.3456, 3, "12.346"], [-12.3456, 0, "−12"],
    [999_999, 0, "999999"], [1e6, 2, "1.00e6"], [-2.5e9, 1, "−2.5e9"], [1.5e-7, 2, "0.00"], [Number.NaN, 2, "–"], [Infinity, 2, "–"], [-Infinity, 0, "–"],
  ]) assert.equal(number(value, decimals), words)
  assert.equal(number(1.23456), "1.23")
})

test("a number with five digits is off by a ten-thousandth of itself at most, and has no zeros behind it that say nothing", () => {
  for (const [value, words] of [
    [24.684039, "24.684"], [0.0378129, "0.037813"], [-2.62519, "−2.6252"], [0.02, "0.02"], [64, "64"], [123456, "123456"], [0, "0"], [-0, "0"], [1, "1"],
    [0.99999999, "1.0000"], [1234567.8, "1.2346e6"], [-0.0000123456, "−1.2346e−5"], [Number.NaN, "–"], [Infinity, "–"],
  ]) assert.equal(significant(value), words)
})

test("a count has its thousands apart", () => {
  for (const [value, words] of [
    [0, "0"], [7, "7"], [999, "999"], [1000, "1,000"], [70_000, "70,000"], [999_999.6, "1,000,000"], [1_234_567_890, "1,234,567,890"], [-1234, "-1,234"],
    [Number.NaN, "–"], [Infinity, "–"],
  ]) assert.equal(count(value), words)
})

test("dimensions are counted from one, in subscripts", () => {
  for (const [index, name] of [[0, "z₁"], [8, "z₉"], [9, "z₁₀"], [98, "z₉₉"], [122, "z₁₂₃"]]) assert.equal(dimName(index), name)
})

test("a point is told by four of its numbers at most", () => {
  assert.equal(point([]), "()")
  assert.equal(point([1]), "(1.00)")
  assert.equal(point(Float32Array.of(0.5, -0.25)), "(0.50, −0.25)")
  assert.equal(point([1, 2, 3, 4]), "(1.00, 2.00, 3.00, 4.00)")
  assert.equal(point([1, 2, 3, 4, 5]), "(1.00, 2.00, 3.00, 4.00, …)")
})

test("a slider reaches as far as 0 and its value do, by whole grains", () => {
  const close = (found, wanted) => found.forEach((value, k) => assert.ok(Math.abs(value - wanted[k]) < 1e-9, `${found} is not ${wanted}`))
  close(spanOf([-3, 3], 0), [-3, 3])
  close(spanOf([-3, 3], 5), [-3, 5])
  close(spanOf([-3, 3], -7.25), [-7.25, 3])
  close(spanOf([1, 2], 1.5), [0, 2])
  close(spanOf([-2, -1], -1.5), [-2, 0])
  close(spanOf([-1.0004, 1.0004], 0), [-1.001, 1.001])
})

test("a typed number is taken as people write it, or refused in a sentence", () => {
  for (const [text, value] of [["1.5", 1.5], ["1,5", 1.5], ["−2", -2], ["-2", -2], [" 3 ", 3], ["0", 0], ["1e2", 100], ["1000", 1000], ["-1000", -1000]]) {
    assert.deepEqual(typedNumber(text, 0, 1000), { value, refusal: "" })
  }
  for (const text of ["", "  ", "abc", "1001", "-1001", "1.2.3", "NaN", "Infinity"]) {
    const { value, refusal } = typedNumber(text, 2, 1000)
    assert.equal(value, null)
    assert.match(refusal, /^z₃ must be a number from −1,000 to 1,000, got .+; it was not changed\.$/)
  }
  assert.match(typedNumber("", 0, 10).refusal, /got nothing;/)
  const long = typedNumber("x".repeat(100), 0, 10).refusal
  assert.ok(long.includes(`${"x".repeat(23)}…;`) && long.length < 120)
})

test("a strip's steps go from end to end", () => {
  assert.deepEqual(stepsBetween(-2, 2), [-2, -1, 0, 1, 2])
  assert.deepEqual(stepsBetween(0, 1), [0, 0.25, 0.5, 0.75, 1])
  assert.equal(stepsBetween(3, 3).length, 5)
})

test("the range of N(0, I) is told in its standard deviations, that of another prior in numbers", () => {
  const standard = wordsOfPrior({ prior_range: 3, prior_points: [] })
  assert.deepEqual(standard, {
    label: "Prior ±3", title: "N(0, 1) to 3 standard deviations on either side", centre: "Every dimension to 0, the middle of the prior (key 0)",
  })
  const mixture = wordsOfPrior({ prior_range: 6.218, prior_points: [[4.1, -6.218], [-5, 5]] })
  assert.equal(mixture.label, "Prior range")
  assert.match(mixture.title, /^−6\.2\d* to 6\.2\d*: as far from 0 as any coordinate of 2 samples of the prior$/)
  assert.doesNotMatch(JSON.stringify(mixture), /±3|standard deviation|middle/)
  // A prior that lies on one side of 0, and one that is nearer to it than N(0, I): neither is called ±3.
  for (const prior_points of [[[7]], [[0.2], [-0.1]]]) {
    const reach = Math.max(...prior_points.flat().map(Math.abs))
    assert.equal(wordsOfPrior({ prior_range: reach, prior_points }).centre, "Every dimension to 0 (key 0)")
  }
})
