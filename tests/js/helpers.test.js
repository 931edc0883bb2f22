/** What stands many times: echoes of what was told, the newest wish, ticks, thinned lines. */
import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { Echo } from "#browser/lib/echo.js"
import { sentenceOf } from "#browser/lib/errors.js"
import { latest } from "#browser/lib/latest.js"
import { atPace, goOn } from "#browser/lib/rest.js"
import { perRun } from "#browser/lib/source.js"
import { thinned } from "#browser/lib/thinning.js"
import { ticks } from "#browser/lib/ticks.js"

test("what the host says first is news, said again it is not", () => {
  const echo = new Echo()
  assert.equal(echo.isNews("a"), true)
  assert.equal(echo.isNews("a"), false)
  assert.equal(echo.isNews("b"), true)
  assert.equal(echo.isNews("a"), true)
  assert.equal(echo.isNews(null), true)
  assert.equal(echo.isNews(null), false)
})

test("echoes are none of them news, in order, late, or some left out", () => {
  for (const heard of [["a", "b", "c"], ["b", "c"], ["c"], ["a", "c"]]) {
    const echo = new Echo()
    echo.isNews("")
    for (const said of ["a", "b", "c"]) echo.tell(said)
    for (const said of heard) assert.equal(echo.isNews(said), false, `${heard}: ${said}`)
  }
})

test("what has come back once is news when it comes again", () => {
  const echo = new Echo()
  echo.isNews("")
  echo.tell("a")
  echo.tell("b")
  assert.equal(echo.isNews("a"), false)
  assert.equal(echo.isNews("b"), false)
  assert.equal(echo.isNews("a"), true)
  assert.equal(echo.isNews(""), true)
})

test("the same told twice is two echoes", () => {
  const echo = new Echo()
  echo.isNews("")
  for (const said of ["on", "off", "on"]) echo.tell(said)
  for (const said of ["on", "off", "on"]) assert.equal(echo.isNews(said), false, said)
  assert.equal(echo.isNews("off"), true)
})

test("who comes later knows the echo of what was told last, and nothing older", () => {
  const echo = new Echo()
  echo.tell("a")
  echo.tell("b")
  assert.equal(echo.isNews("b", {}), false)
  assert.equal(echo.isNews("a", {}), true)
})

test("what both agree on in the end", () => {
  const echo = new Echo()
  assert.equal(echo.last(), undefined)
  echo.isNews("a")
  assert.equal(echo.last(), "a")
  echo.tell("b")
  assert.equal(echo.last(), "b")
  echo.isNews("b")
  assert.equal(echo.last(), "b")
  echo.isNews("back")
  assert.equal(echo.last(), "back")
  echo.tell("c")
  assert.equal(echo.last(), "c")
})

test("very many things told are not all remembered", () => {
  const echo = new Echo()
  echo.isNews("")
  for (let k = 0; k < 40; k += 1) echo.tell(`said ${k}`)
  assert.equal(echo.isNews("said 1"), true)
  assert.equal(echo.isNews("said 20"), false)
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

test("one wish is under way, the newest is next, those between are left out", async () => {
  const [begun, finish, overtaken] = [[], [], []]
  const { want } = latest((wish) => { begun.push(wish); return new Promise((resolve) => finish.push(resolve)) }, (wish) => overtaken.push(wish))
  want(1)
  want(2)
  want(3)
  assert.deepEqual(begun, [1])
  assert.deepEqual(overtaken, [2, 3])
  finish[0]()
  await turn()
  assert.deepEqual(begun, [1, 3])
  finish[1]()
  await turn()
  want(4)
  assert.deepEqual(begun, [1, 3, 4])
  finish[2]()
})

test("work knows whether it is the newest", async () => {
  const seen = []
  let go = () => {}
  const wishes = latest(async (wish, { isNewest }) => {
    await new Promise((resolve) => { go = resolve })
    seen.push([wish, isNewest()])
  })
  wishes.want("a")
  assert.equal(wishes.busy, true)
  wishes.want("b")
  go()
  await turn()
  go()
  await turn()
  assert.deepEqual(seen, [["a", false], ["b", true]])
  assert.equal(wishes.busy, false)
})

test("work that fails does not hold up the next, and what is cancelled is not begun", async () => {
  const log = mock.method(console, "error", () => {})
  const done = []
  const wishes = latest(async (wish) => {
    if (wish === "bad") throw new Error("bad")
    done.push(wish)
  })
  wishes.want("bad")
  await turn()
  wishes.want("good")
  await turn()
  assert.deepEqual(done, ["good"])
  assert.equal(log.mock.callCount(), 1)
  log.mock.restore()
  wishes.cancel()
  wishes.want("late")
  await turn()
  assert.deepEqual(done, ["good"])
})

test("each run of each source has its own", () => {
  let made = 0
  const of = perRun((source, run) => ({ source, run, number: ++made }))
  const [one, other] = [{}, {}]
  assert.equal(of(one, "a"), of(one, "a"))
  assert.notEqual(of(one, "a"), of(one, "b"))
  assert.notEqual(of(one, "a"), of(other, "a"))
  assert.equal(of(other, "a").run, "a")
  assert.equal(made, 3)
})

test("ticks are round and as far apart as asked for", () => {
  assert.deepEqual(ticks(0, 10, 2).values, [0, 2, 4, 6, 8, 10])
  assert.deepEqual(ticks(-1, 1, 0.4), { values: [-1, -0.5, 0, 0.5, 1], decimals: 1, step: 0.5 })
  assert.deepEqual(ticks(0, 1000, 300).values, [0, 500, 1000])
  assert.equal(ticks(0, 1, 0.003).decimals, 3)
  assert.equal(ticks(0, 5e5, 1e5).decimals, 0)
  assert.equal(ticks(0, 1e9, 1).values.length, 100)
  assert.deepEqual(ticks(3, 2, 1).values, [])
})

test("a thinned line keeps its ends and what stands out", () => {
  assert.deepEqual(thinned([[0, 0], [1, 0.1], [2, 0], [3, 5], [4, 0]], 0.5), [[0, 0], [2, 0], [3, 5], [4, 0]])
  assert.deepEqual(thinned([[0, 0], [1, 1]], 10), [[0, 0], [1, 1]])
  assert.deepEqual(thinned([[2, 2]], 1), [[2, 2]])
  assert.deepEqual(thinned([[0, 0], [5, 5], [0, 0]], 1), [[0, 0], [5, 5], [0, 0]])
  const wave = Array.from({ length: 500 }, (_, k) => [k, 20 * Math.sin(k / 30)])
  for (const tolerance of [0.1, 1, 5]) {
    const found = thinned(wave, tolerance)
    assert.ok(found.length < wave.length)
    for (const [x, y] of wave) {
      const after = found.findIndex(([at]) => at >= x)
      const [[ax, ay], [bx, by]] = [found[Math.max(0, after - 1)], found[after]]
      const line = bx > ax ? ay + ((x - ax) / (bx - ax)) * (by - ay) : by
      assert.ok(Math.abs(line - y) < 2.5 * tolerance + 1e-9)
    }
  }
})

test("an error that has words for a person is told in them, a mistake is told to the console", () => {
  const logged = mock.method(console, "error", () => {})
  try {
    assert.equal(sentenceOf(new Error("there is no run of that name; open another")), "there is no run of that name; open another")
    assert.equal(sentenceOf("a plain text"), "a plain text")
    assert.equal(logged.mock.callCount(), 0)
    const mistakes = [() => null.z, () => new Uint8Array(-1), () => JSON.parse("<html>"), () => { throw new ReferenceError("x is not defined") }]
    for (const mistake of mistakes) {
      let caught = null
      try {
        mistake()
      } catch (error) {
        caught = error
      }
      assert.equal(sentenceOf(caught), "Something went wrong in this part of the page. Reload the page; details are in the browser's console.")
    }
    assert.equal(logged.mock.callCount(), mistakes.length)
  } finally {
    logged.mock.restore()
  }
})

test("what fails in work that nobody waits for is heard by the page, so that its part can say so", async () => {
  const heard = []
  globalThis.reportError = (error) => { heard.push(error.message) }
  try {
    const wishes = latest((wish) => { throw new Error(`latest ${wish}`) })
    wishes.want(1)
    const paced = atPace(() => { throw new Error("at its pace") }, 0)
    paced.soon()
    await goOn(() => Promise.reject(new Error("one of many")))
    while (heard.length < 3) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(new Set(heard), new Set(["at its pace", "latest 1", "one of many"]))
    paced.cancel()
  } finally {
    delete globalThis.reportError
  }
})
