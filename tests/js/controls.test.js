import assert from "node:assert/strict"
import { test } from "node:test"
import { slug, styleOf } from "../../vae/browser/lib/controls.js"
import { isHidden, restrictionsOf, titlesOf, viewLink } from "../../dashboard/shell/copy_link/view_link.js"

const CONTROLS = [
  { name: "form", title: "", group: "", around: [] },
  { name: "beta", title: "", group: "", around: ["form"] },
  { name: "train", title: "", group: "", around: ["form"] },
  { name: "map", title: "", group: "", around: [] },
  { name: "map.lasso", title: "", group: "", around: ["map"] },
]
const PAGE = "http://localhost/train?run=a&z=1%2C2"
const query = (/** @type {string} */ link) => Object.fromEntries(new URL(link).searchParams)

test("all that stays leaves the address as it is", () => {
  assert.deepEqual(query(viewLink(PAGE, CONTROLS, new Set(CONTROLS.map(({ name }) => name)), new Set())), { run: "a", z: "1,2" })
})

test("what stands in something hidden is not named too", () => {
  assert.equal(query(viewLink(PAGE, CONTROLS, new Set(["map", "map.lasso"]), new Set())).hide, "form")
})

test("what one stays in is not hidden with the rest of it", () => {
  assert.equal(query(viewLink(PAGE, CONTROLS, new Set(["beta"]), new Set())).hide, "train,map")
})

test("commas stay commas, and what an older link hid is forgotten", () => {
  const link = viewLink(`${PAGE}&hide=beta&lock=train`, CONTROLS, new Set(["form", "train"]), new Set())
  assert.ok(link.endsWith("&hide=beta,map"))
  assert.equal(query(link).lock, undefined)
})

test("only what stays is fixed", () => {
  const link = viewLink(PAGE, CONTROLS, new Set(["form", "beta"]), new Set(["beta", "train"]))
  assert.equal(query(link).lock, "beta")
})

test("a link is read as it was written", () => {
  const link = viewLink(PAGE, CONTROLS, new Set(["map"]), new Set(["map"]))
  const { hidden, locked } = restrictionsOf(link)
  assert.deepEqual([...locked], ["map"])
  assert.deepEqual(CONTROLS.filter((one) => isHidden(one, hidden)).map(({ name }) => name), ["form", "beta", "train", "map.lasso"])
})

test("no two controls of a group are called alike", () => {
  const title = (/** @type {string} */ name, /** @type {string} */ text, /** @type {string[]} */ around = [], group = "Head") => ({ name, title: text, group, around })
  const found = titlesOf([
    title("copy-link", "Copy link"), title("copy_link.copy", "Copy link", ["copy-link"]), title("help", "Help"),
    title("show-map", "Map", [], "Modes"), title("map", "Map", [], "Modes"), title("other", "Help", [], "Page"),
  ])
  assert.deepEqual([...found.values()], ["Copy link: all of it", "Copy link", "Help", "Map (show-map)", "Map (map)", "Help"])
})

test("a name out of words", () => {
  assert.equal(slug("What the lasso does"), "what-the-lasso-does")
  assert.equal(slug("  Even speed! "), "even-speed")
})

test("nothing is hidden by a link that hides nothing", () => {
  assert.equal(styleOf([], [""]).trim(), "")
  assert.match(styleOf([".a"], [".b"]), /\.a \{ display: none !important; \}\n\.b \{.*inert/)
})
