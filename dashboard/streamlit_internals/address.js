/**
 * One deliberate act, one entry in the browser's history. Streamlit writes an entry for every address that a script run
 * comes to; an address that nobody asked for (the values with which a page opens, what a view corrects by itself) takes
 * the place of the one before, so that Back leads where the person came from. Loaded before Streamlit's own script.
 */

/** What a person does to choose something. Wheel and pointer moves only look around. */
const ACTS = ["pointerdown", "keydown", "click", "drop"]

let acted = false
for (const name of ACTS) window.addEventListener(name, () => { acted = true }, { capture: true, passive: true })
window.addEventListener("popstate", () => { acted = false }, { capture: true })

const push = history.pushState
history.pushState = (state, unused, address) => {
  if (acted) push.call(history, state, unused, address)
  else history.replaceState(state, unused, address)
  acted = false
}

/** What was done just now is a choice to come back to, however it was made. */
export function chosen() {
  acted = true
}

/** What was done just now is no choice to come back to: where a map was dragged, for example. */
export function passing() {
  acted = false
}
