/** What a lesson's rail decides: whether a condition holds, what happened, what came of a prediction. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { facts, heed, isHeard, tell } from "../../vae/browser/lib/facts.js"
import { csv, keep, kept, opened, outcome, storageHere } from "../../vae/browser/lesson_rail/answers.js"
import { holds, namesOf } from "../../vae/browser/lesson_rail/conditions.js"
import { fromAddress, fromFacts, fromTrainer } from "../../vae/browser/lesson_rail/happenings.js"
import { measured, unmet } from "../../vae/browser/lesson_rail/unmet.js"
import { marks } from "../../dashboard/views/learn/lesson_marks/marks.js"

const below = (name, value) => ({ kind: "compare", name, sign: "<", value })
const equal = (name, value) => ({ kind: "compare", name, sign: "==", value })
const moved = { kind: "happening", name: "point moved" }
/** Some of the rail's words. */
const words = {
  other: "none", and: "and", or: "or", not: "not", now: "now {value}", "name:kl": "KL", "unit:kl": "nats", "name:epoch": "epochs trained", "name:verdict": "verdict",
  "name:training": "a run that trains now", "happens:point moved": "move the point",
}

/** What a browser keeps. */
function storage(text = null) {
  const values = { "latent-lab-lessons": text }
  return { getItem: (name) => values[name] ?? null, setItem: (name, value) => { values[name] = value } }
}

test("a condition holds and fails with the state", () => {
  assert.equal(holds(below("kl", 0.5), { kl: 0.4 }), true)
  assert.equal(holds(below("kl", 0.5), { kl: 0.5 }), false)
  const both = { kind: "and", parts: [below("kl", 1), moved] }
  assert.equal(holds(both, { kl: 0 }, []), false)
  assert.equal(holds(both, { kl: 0 }, ["point moved"]), true)
  assert.equal(holds({ kind: "or", parts: [below("kl", 1), moved] }, { kl: 2 }, ["point moved"]), true)
  assert.equal(holds({ kind: "not", parts: [{ kind: "flag", name: "training" }] }, { training: true }), false)
})

test("nothing is true of what is not known", () => {
  for (const known of [{}, { kl: null }, { kl: Number.NaN }, { kl: "0" }]) assert.equal(holds(below("kl", 1), known), false)
  assert.equal(holds(equal("verdict", "healthy"), { verdict: 1 }), false)
  assert.equal(holds({ kind: "flag", name: "training" }, { training: 1 }), false)
})

test("one number is compared with another", () => {
  const tree = { kind: "compare", name: "reconstruction", sign: ">", other: "kl" }
  assert.equal(holds(tree, { reconstruction: 3, kl: 2 }), true)
  assert.equal(holds(tree, { reconstruction: 2, kl: 2 }), false)
  for (const known of [{ reconstruction: 3 }, { kl: 2 }, { reconstruction: 3, kl: null }, { reconstruction: 3, kl: Number.NaN }]) assert.equal(holds(tree, known), false)
  assert.deepEqual(namesOf(tree), ["reconstruction", "kl"])
})

test("a number of the page has changed once it is another by more than rounding", () => {
  const before = { image_kl: 2, image_reconstruction: 18, gap: 1 }
  assert.deepEqual(fromFacts(before, { image_kl: 2.00001, image_reconstruction: 18.5, gap: 3 }), ["image_reconstruction changed"])
  assert.deepEqual(fromFacts(before, { image_kl: 2.1, image_reconstruction: 18 }), ["image_kl changed"])
  assert.deepEqual(fromFacts({}, before), [])
  assert.deepEqual(fromFacts(before, {}), [])
})

test("parts tell what they show, and who listens hears of what is new", () => {
  const [one, other] = [{}, {}]
  let heard = 0
  assert.equal(isHeard(), false)
  const deaf = heed(() => { heard += 1 })
  tell(one, { gap: 1 })
  tell(one, { gap: 1 })
  tell(other, { slider_kl: 2 })
  assert.deepEqual(facts(), { gap: 1, slider_kl: 2 })
  tell(one, null)
  assert.deepEqual([facts(), heard, isHeard()], [{ slider_kl: 2 }, 3, true])
  tell(other, null)
  deaf()
  assert.equal(isHeard(), false)
})

test("all names of a tree are known", () => {
  assert.deepEqual(namesOf({ kind: "and", parts: [below("kl", 1), { kind: "not", parts: [moved] }] }), ["kl", "point moved"])
  assert.deepEqual(namesOf(null), [])
})

test("a change of the same page's link is a happening, another page's is none", () => {
  const at = (path, query) => ({ path, query })
  assert.deepEqual(fromAddress(at("/explore", { z: "0,0" }), at("/explore", { z: "1,0" })), ["point moved"])
  assert.deepEqual(fromAddress(at("/explore", { z: "0,0" }), at("/map", { z: "1,0" })), [])
  assert.deepEqual(fromAddress(at("/explore", { z: "0,0" }), at("/explore", {})), [])
  assert.deepEqual(fromAddress(at("/map", { at: "5" }), at("/map", {})), ["time moved"])
  assert.deepEqual(fromAddress(at("/explore", {}), at("/explore", { posterior: "drawing" })), ["image drawn"])
  assert.deepEqual(fromAddress(at("/learn", { eps: "0,0" }), at("/learn", { eps: "1,0" })), ["point moved"])
})

test("what the address says of another run was not done by hand", () => {
  const before = { path: "/explore", query: { run: "a", z: "0,0", y: "1" } }
  assert.deepEqual(fromAddress(before, { path: "/explore", query: { run: "b", z: "1,1" } }), ["run chosen"])
  assert.deepEqual(fromAddress(before, { path: "/explore", query: { run: "b", before: "a" } }), ["remedy tried", "run chosen"])
})

test("a training that starts, pauses or changes its weight is heard, one that was merely chosen is not", () => {
  const now = (state, more = {}) => ({ run: "a", state, beta: null, runs: 1, ...more })
  assert.deepEqual(fromTrainer(null, now("running")), [])
  assert.deepEqual(fromTrainer(now("stopped"), now("queued")), ["training started"])
  assert.deepEqual(fromTrainer(now("queued"), now("running")), [])
  assert.deepEqual(fromTrainer(now("running"), now("paused")), ["training paused"])
  assert.deepEqual(fromTrainer(now("running"), now("running", { beta: 20 })), ["beta changed"])
  assert.deepEqual(fromTrainer(now("finished"), now("running", { run: "b" })), [])
  assert.deepEqual(fromTrainer(now("finished"), now("running", { run: "b", runs: 2 })), ["training started"])
})

test("what came of a prediction is the choice that holds, and waits for what is not known", () => {
  const predict = { choices: [{ text: "low", when: below("kl", 1) }, { text: "high", when: { kind: "not", parts: [below("kl", 2)] } }], value: "", unit: "" }
  assert.deepEqual(outcome(predict, 0, { kl: 0.5 }, [], words), { came: "low", measured: "KL 0.5 nats", right: true })
  assert.deepEqual(outcome(predict, 1, { kl: 0.5 }, [], words), { came: "low", measured: "KL 0.5 nats", right: false })
  assert.deepEqual(outcome(predict, 0, { kl: 1.5 }, [], words), { came: "none", measured: "KL 1.5 nats", right: false })
  const known = { ...predict, choices: predict.choices.slice(0, 1) }
  assert.equal(outcome(known, 0, {}, [], words), null)
  const number = { choices: [], value: "kl", unit: "nats" }
  assert.deepEqual(outcome(number, undefined, { kl: 2.34567 }, [], words), { came: "2.35 nats", right: null })
  assert.equal(outcome(number, undefined, {}, [], words), null)
})

test("what a condition still waits for is told, with how it stands", () => {
  const least = (name, value) => ({ kind: "compare", name, sign: ">=", value })
  const whole = { kind: "and", parts: [moved, least("epoch", 50), equal("verdict", "healthy")] }
  assert.deepEqual(unmet(whole, { epoch: 43.7, verdict: "spare-dimensions" }, [], words), [
    "move the point", "epochs trained ≥ 50 (now 43.7)", "verdict = healthy (now spare-dimensions)",
  ])
  assert.deepEqual(unmet(whole, { epoch: 50, verdict: "healthy" }, ["point moved"], words), [])
  assert.deepEqual(unmet(whole, { epoch: 12.3456, verdict: "healthy" }, ["point moved"], words), ["epochs trained ≥ 50 (now 12.3)"])
  // What nobody can know yet is left out where something else is to be done, and told where nothing else is.
  assert.deepEqual(unmet({ kind: "and", parts: [moved, below("kl", 0.01)] }, {}, [], words), ["move the point"])
  assert.deepEqual(unmet(below("kl", 0.01), {}, [], words), ["KL < 0.01 nats"])
  assert.deepEqual(unmet(below("kl", -1), { kl: Number.NaN }, [], words), ["KL < −1 nats"])
  assert.deepEqual(unmet({ kind: "or", parts: [below("kl", 1), moved] }, { kl: 2.3456 }, [], words), ["KL < 1 nats (now 2.35) or move the point"])
  assert.deepEqual(unmet({ kind: "not", parts: [{ kind: "flag", name: "training" }] }, { training: true }, [], words), ["not a run that trains now"])
  assert.deepEqual(unmet({ kind: "compare", name: "kl", sign: ">", other: "epoch" }, { kl: 1, epoch: 2 }, [], words), ["KL > epochs trained (now 1)"])
})

test("the numbers that decide a prediction are told, those that are words or unknown are not", () => {
  assert.equal(measured(["kl", "kl", "epoch", "verdict", "gap"], { kl: 25.94, epoch: 50, verdict: "healthy", gap: 1 }, words), "KL 25.9 nats, epochs trained 50")
  assert.equal(measured(["kl"], { kl: null }, words), "")
})

test("the list of lessons says how far one is in each", () => {
  const state = { lessons: [{ name: "one", steps: 2, card: "#one" }, { name: "two", steps: 3, card: "#two" }, { name: "three", steps: 1, card: "#three" }], done: "done", part: "{done} of {steps}" }
  const answer = { title: "", done: "now" }
  const all = { one: { open: 2, happened: [], steps: { 1: answer, 2: answer } }, two: { open: 2, happened: [], steps: { 1: answer, 2: { title: "", predicted: "x" }, 9: answer } } }
  assert.deepEqual(marks(state, all), [{ card: "#one", text: "done" }, { card: "#two", text: "1 of 3" }])
  assert.deepEqual(marks(state, {}), [])
})

test("progress survives a reload, and what happened in one step does not count in another", () => {
  const browser = storage()
  keep(browser, "beta", { open: 2, happened: ["point moved"], steps: { 1: { title: "One", done: "now" } } })
  assert.deepEqual(opened(browser, "beta", 2).happened, ["point moved"])
  assert.deepEqual(opened(browser, "beta", 3).happened, [])
  assert.equal(opened(browser, "beta", 3).steps[1].done, "now")
  assert.deepEqual(opened(browser, "other", 1), { open: 1, happened: [], steps: {} })
  keep(browser, "beta", { open: 2, happened: [], since: 7, before: { gap: 1 }, steps: {} })
  assert.deepEqual([opened(browser, "beta", 2).since, opened(browser, "beta", 2).before], [7, { gap: 1 }])
  assert.equal(opened(browser, "beta", 3).since, undefined)
})

test("what is no progress is none", () => {
  for (const text of ["", "[1]", "null", "{", '{"beta": 3}']) assert.deepEqual(opened(storage(text), "beta", 1).steps, {})
  assert.deepEqual(kept(storage("nonsense")), {})
})

test("answers as CSV are quoted, and no cell begins a formula", () => {
  const text = csv({ beta: { open: 1, happened: [], steps: { 1: { title: 'A "b", c', predicted: "=1+1", came: "x", right: true, done: "d" } } } })
  assert.equal(text, 'lesson,step,title,predicted,came,right,completed\r\nbeta,1,"A ""b"", c",\'=1+1,x,yes,d\r\n')
})

test("where the browser forbids to store, progress lasts as long as the page", () => {
  const usual = Object.getOwnPropertyDescriptor(globalThis, "localStorage")
  try {
    for (const forbidden of [() => { throw new Error("SecurityError") }, () => null, () => undefined]) {
      Object.defineProperty(globalThis, "localStorage", { configurable: true, get: forbidden })
      const page = storageHere()
      keep(page, "beta", { open: 2, happened: ["point moved"], steps: {} })
      assert.deepEqual(opened(page, "beta", 2).happened, ["point moved"])
    }
    const browser = storage()
    Object.defineProperty(globalThis, "localStorage", { configurable: true, value: browser })
    assert.equal(storageHere(), browser)
  } finally {
    delete globalThis.localStorage
    if (usual) Object.defineProperty(globalThis, "localStorage", usual)
  }
})
