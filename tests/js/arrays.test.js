/** Arrays as the server packs them, and asking until there is an answer. */
import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { arrays, sizeOf, unpacked } from "#browser/lib/arrays.js"
import { ask, persist, Question, Refusal } from "#browser/lib/asking.js"

function packed(listed, fields, bodies) {
  let header = JSON.stringify({ arrays: listed, ...fields })
  while ((4 + header.length) % 8) header += " "
  const start = 4 + header.length
  const whole = new Uint8Array(start + bodies.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes.byteLength), 0))
  new DataView(whole.buffer).setUint32(0, header.length, true)
  whole.set(new TextEncoder().encode(header), 4)
  for (const { offset, bytes } of bodies) whole.set(new Uint8Array(bytes.buffer), start + offset)
  return whole
}

function answering(...answers) {
  const asked = []
  mock.method(globalThis, "fetch", async (url) => {
    asked.push(String(url))
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer instanceof Error) throw answer
    return answer.clone()
  })
  return asked
}

/** A source as the server is one. */
const source = { get: (run, path, query, as, options) => ask(`http://here/${run}/${path}?${JSON.stringify(query)}`, as, options) }

test("arrays lie where the header says, whatever their type", async () => {
  const mean = Float32Array.of(0.5, -1, 2, 3.25, 4, 5)
  const labels = Int16Array.of(3, -1)
  const index = Int32Array.of(70_000, 1)
  const codes = Uint8Array.of(255, 0, 7)
  answering(new Response(packed(
    [
      { name: "mean", dtype: "float32", shape: [2, 3], offset: 0 }, { name: "labels", dtype: "int16", shape: [2], offset: 24 },
      { name: "index", dtype: "int32", shape: [2], offset: 32 }, { name: "codes", dtype: "uint8", shape: [3], offset: 40 },
    ],
    { max_value: 255, words: "é" }, [{ offset: 0, bytes: mean }, { offset: 24, bytes: labels }, { offset: 32, bytes: index }, { offset: 40, bytes: codes }],
  )))
  const found = await arrays(source, "a run", "latent", { at: "best", v: null })
  assert.deepEqual(found.mean, { data: mean, shape: [2, 3] })
  assert.deepEqual(found.labels.data, labels)
  assert.deepEqual(found.index.data, index)
  assert.deepEqual(found.codes.data, codes)
  assert.equal(found.max_value, 255)
  assert.equal(found.words, "é")
  assert.equal(sizeOf(found), 24 + 4 + 8 + 3)
  mock.restoreAll()
})

test("no arrays are none, and a scalar's shape has one number", async () => {
  answering(new Response(packed([{ name: "one", dtype: "float32", shape: [], offset: 0 }], {}, [{ offset: 0, bytes: Float32Array.of(7) }])))
  assert.deepEqual(unpacked(await ask("http://here/", "arrayBuffer")).one, { data: Float32Array.of(7), shape: [] })
  mock.restoreAll()
  answering(new Response(packed([], { count: 3 }, [])))
  const none = unpacked(await ask("http://here/", "arrayBuffer"))
  assert.deepEqual(none, { count: 3 })
  assert.equal(sizeOf(none), 0)
  mock.restoreAll()
})

const refusal = (status, error) => new Response(JSON.stringify({ error }), { status })

test("a refusal in the server's words is final", async () => {
  const asked = answering(refusal(404, "There is no run of that name."))
  await assert.rejects(ask("http://here/x", "json"), (error) => error instanceof Refusal && error.message === "There is no run of that name.")
  assert.equal(asked.length, 1)
  mock.restoreAll()
})

test("what passes is asked again: silence, a busy server, a proxy's page", async () => {
  const soon = mock.method(Math, "random", () => 0)
  mock.timers.enable({ apis: ["setTimeout"] })
  const asked = answering(refusal(429, "Too many."), new Response("<html>", { status: 404 }), refusal(500, "Broken."), Response.json({ fine: true }))
  const told = []
  const found = ask("http://here/x", "json", { waiting: (sentence) => told.push(sentence) })
  for (let k = 0; k < 400 && asked.length < 4; k += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    mock.timers.tick(100)
  }
  assert.deepEqual(await found, { fine: true })
  assert.deepEqual(told, ["Too many.", "The server answered 404.", "Broken.", ""])
  soon.mock.restore()
  mock.timers.reset()
  mock.restoreAll()
})

test("what is given up is asked no more", async () => {
  const control = new AbortController()
  answering(refusal(503, "Later."))
  const found = ask("http://here/x", "json", { signal: control.signal, waiting: () => control.abort() })
  await assert.rejects(found, { name: "AbortError" })
  mock.restoreAll()
})

test("work is tried with how often it was tried", async () => {
  const tries = []
  mock.timers.enable({ apis: ["setTimeout"] })
  const done = persist(async (tried) => {
    tries.push(tried)
    if (tried < 2) throw Object.assign(new Error("not yet"), { answered: true })
    return "done"
  })
  for (let k = 0; k < 100 && tries.length < 3; k += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    mock.timers.tick(100)
  }
  assert.equal(await done, "done")
  assert.deepEqual(tries, [0, 1, 2])
  mock.timers.reset()
})

test("a question makes way only while no answer is in sight", () => {
  const told = []
  const question = new Question((sentence) => told.push(sentence))
  question.makeWay()
  assert.equal(question.isOver, false)
  question.options.waiting("The server is busy.")
  question.options.waiting("")
  question.makeWay()
  assert.equal(question.isOver, false)
  question.options.waiting("The server is busy.")
  question.makeWay()
  assert.equal(question.isOver, true)
  assert.deepEqual(told, ["The server is busy.", "", "The server is busy."])
})
