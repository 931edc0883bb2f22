/** One scrubber for several trainings: a share from 0 to 1, whose right end is each run's best weights. */
import { element, say } from "../../../../vae/browser/lib/dom.js"

/** How long playing takes from end to end, ms. */
const LASTS = 9000
const STEPS = 100

/** @param {(share: number, rests: boolean) => void} moved Told of every move, and whether the hand has let go. */
export function scrubber(moved) {
  let share = 1
  let timer = 0
  const range = element("input", {
    class: "ll-range", type: "range", min: 0, max: STEPS, step: 1, "aria-label": "Share of each run's training", dataset: { control: "time" },
    oninput: () => { pause(); move(range.valueAsNumber / STEPS, false) }, onchange: () => moved(share, true),
  })
  const play = element("button", { class: "ll-button", type: "button", dataset: { action: "play" }, onclick: () => (timer ? pause(true) : begin()) }, "Play")
  const end = element("button", { class: "ll-button", type: "button", dataset: { action: "end" }, onclick: () => { pause(); move(1, true) } }, "Best")
  const words = element("span", { class: "words", role: "status" })
  const root = element("div", { class: "bar", role: "group", "aria-label": "Time machine of all runs" }, play, element("div", { class: "ll-rail" }, element("div", { class: "ll-track" }), range), end, words)

  function move(to, rests) {
    set(to)
    moved(share, rests)
  }

  function set(to) {
    share = to
    const value = String(Math.round(STEPS * share))
    if (range.value !== value) range.value = value
    const text = share >= 1 ? "best weights of each run" : `${Math.round(100 * share)} % of each training`
    say(words, text)
    range.setAttribute("aria-valuetext", text)
    end.setAttribute("aria-pressed", String(share >= 1))
  }

  function begin() {
    const from = share >= 1 ? 0 : share
    const start = performance.now() - from * LASTS
    say(play, "Pause")
    const tick = () => {
      const now = Math.min(1, (performance.now() - start) / LASTS)
      const step = Math.floor(now * STEPS) / STEPS
      if (step !== share) move(step, false)
      if (now >= 1) return pause(true)
      timer = requestAnimationFrame(tick)
    }
    timer = requestAnimationFrame(tick)
  }

  function pause(rests = false) {
    cancelAnimationFrame(timer)
    timer = 0
    say(play, "Play")
    if (rests) moved(share, true)
  }

  return { root, set: (to) => { if (!timer && to !== share || !words.textContent) set(to) }, stop: () => cancelAnimationFrame(timer) }
}
