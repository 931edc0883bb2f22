/** What the map fetches while a hand scrubs through the training. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { Refusal } from "#browser/lib/asking.js"
import { timeOf } from "#browser/lib/time.js"
import { MapData } from "#browser/map/map_data.js"

const STATE = { run: "run", at: "best", stamp: "b", num: 100, part: "test", shape: [1, 8, 8], plane: "0,1" }

/** A map of a run with snapshots, and what it has asked for: each answer comes when the test says so. */
function opened(steps = [0, 100, 200, 300]) {
  const asked = []
  const source = {
    runtime: "", decodes: true, listen: () => () => {}, wake() {},
    get(_run, path, query, _kind, { signal } = {}) {
      // The end's positions are asked for beside those of a moment: the whole of the plane is theirs.
      if (path !== "latent" || query.at === "best") return new Promise(() => {})
      return new Promise((_answer, refuse) => asked.push({ at: query.at, part: query.part, signal, refuse: () => refuse(new Refusal("none")) }))
    },
  }
  const ignored = () => {}
  const heard = Object.fromEntries(["begins", "waits", "asks", "came", "shown", "failed", "originals", "decoder", "decodes", "moved"].map((name) => [name, ignored]))
  const data = new MapData({ compact: false, heard })
  // What decodes is not asked for here: it is looked for until it is found.
  Object.assign(data, { source, state: { ...STATE }, useDecoder: ignored })
  data.open("run")
  const list = (run) => Object.assign(timeOf(source, run), {
    snapshots: steps.map((step) => ({ step, epoch: step, seconds: step, beta: 1, rate_per_dim: [1], stamp: `s${step}` })), loaded: true,
  })
  list("run")
  const move = (step) => { data.time.set(step, { source: "time" }); data.follow() }
  return { data, asked, move, list }
}

const settled = () => new Promise((resolve) => setTimeout(resolve))

test("what was asked for comes whole, those passed meanwhile are left out, and the newest follows", async () => {
  const { asked, move } = opened()
  for (const step of [0, 100, 200, 300]) move(step)
  await settled()
  assert.deepEqual(asked.map(({ at }) => at), ["0"])
  assert.equal(asked[0].signal.aborted, false)
  asked[0].refuse()
  await settled()
  assert.deepEqual(asked.map(({ at }) => at), ["0", "300"])
})

test("one that comes back to what is under way asks for nothing more", async () => {
  const { data, asked, move } = opened()
  move(100)
  move(200)
  move(100)
  await settled()
  assert.deepEqual(asked.map(({ at }) => at), ["100"])
  asked[0].refuse()
  await settled()
  assert.equal(asked.length, 2) // it was refused, and whoever looks at it still asks once more
  assert.equal(asked[1].at, "100")
  assert.equal(data.gone, false)
})

test("other images, and another run, do not wait for what nobody looks at any more", async () => {
  for (const change of [{ part: "train" }, { run: "other" }]) {
    const { data, asked, move, list } = opened()
    move(100)
    Object.assign(data.state, change)
    if (change.run) {
      data.open(change.run)
      list(change.run)
    }
    move(200)
    await settled()
    assert.equal(asked.length, 2)
    assert.equal(asked[0].signal.aborted, true)
    asked[0].refuse()
    await settled()
    assert.equal(asked.length, 2)
  }
})

test("a map that is gone asks for nothing more", async () => {
  const { data, asked, move } = opened()
  move(100)
  move(200)
  data.gone = true
  asked[0].refuse()
  await settled()
  assert.equal(asked.length, 1)
})
