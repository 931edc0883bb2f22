/** What happened, from what the page's address and the run's status were and are. */

/**
 * @typedef {{path: string, query: Record<string, string>}} Address
 * @typedef {{run: string, state: string, beta: number | null, runs: number}} Trainer What is known of the chosen run's training.
 */

/** What a change of a link's key says; those that may also vanish. */
const KEYS = /** @type {Record<string, string>} */ ({
  z: "point moved",
  eps: "point moved",
  image: "image chosen",
  drawing: "image drawn",
  y: "class chosen",
  at: "time moved",
  seed: "samples drawn",
  chapter: "chapter opened",
  beta: "beta changed",
})
const MAY_VANISH = ["at"]
/** A trainer has the run, or will have it next. */
const BUSY = ["queued", "starting", "running", "paused"]

/**
 * What a person did between two addresses of the same page.
 * @param {Address} before
 * @param {Address} now
 * @returns {string[]}
 */
export function fromAddress(before, now) {
  if (before.path !== now.path) return []
  const found = []
  const differs = (/** @type {string} */ key) => before.query[key] !== now.query[key]
  if (differs("before") && now.query.before) found.push("remedy tried")
  if (differs("run")) {
    // What else the address says is of the other run, and nobody chose it.
    if (before.query.run && now.query.run) found.push("run chosen")
    return found
  }
  for (const [key, words] of Object.entries(KEYS)) {
    if (differs(key) && (now.query[key] !== undefined || MAY_VANISH.includes(key))) found.push(words)
  }
  if (differs("posterior") && now.query.posterior) found.push(now.query.posterior === "drawing" ? "image drawn" : "image chosen")
  return found
}

/** Numbers of the page of which a lesson may ask whether they changed; and by which part of themselves, so that rounding is no change. */
const CHANGING = ["image_reconstruction", "image_kl"]
const ROUNDING = 1e-5

/**
 * Which numbers that the page shows are others than before.
 * @param {Record<string, number | string>} before
 * @param {Record<string, number | string>} now
 * @returns {string[]}
 */
export function fromFacts(before, now) {
  const differs = (/** @type {any} */ a, /** @type {any} */ b) => Math.abs(a - b) > ROUNDING * Math.max(1, Math.abs(a))
  return CHANGING.filter((name) => name in before && name in now && differs(before[name], now[name])).map((name) => `${name} changed`)
}

/**
 * What a person did to a training.
 * @param {Trainer | null} before Null where nothing was known.
 * @param {Trainer} now
 * @returns {string[]}
 */
export function fromTrainer(before, now) {
  if (!before) return []
  const found = []
  const isBusy = BUSY.includes(now.state)
  if (before.run !== now.run) {
    // Another run that is there already was only chosen.
    return now.runs > before.runs ? ["training started"] : []
  }
  if (isBusy && before.state && !BUSY.includes(before.state)) found.push("training started")
  if (now.state === "paused" && before.state && before.state !== "paused") found.push("training paused")
  if (before.state && now.beta !== before.beta) found.push("beta changed")
  return found
}
