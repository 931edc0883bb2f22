/** The newest wish wins, and at most one is under way: those passed meanwhile are left out. */
import { goOn } from "./rest.js"

/**
 * @template T
 * @param {(wish: T, turn: {isNewest: () => boolean}) => Promise<void> | void} work Done for one wish after the other. It may ask whether
 *   there is a newer one, or none is wanted any more. What it throws the page hears.
 * @param {(wish: T) => void} [overtaken] Told of a newer wish while work is under way, which may so be cut short.
 * @returns {{want: (wish: T) => void, readonly busy: boolean, cancel: () => void}} `cancel` forgets what is waited for, for good.
 */
export function latest(work, overtaken = () => {}) {
  /** @type {{wish: T} | null} */
  let next = null
  let [busy, gone] = [false, false]
  const turn = { isNewest: () => !next && !gone }

  async function go() {
    busy = true
    while (next) {
      const { wish } = next
      next = null
      await goOn(() => work(wish, turn))
    }
    busy = false
  }

  return {
    want(wish) {
      if (gone) return
      next = { wish }
      if (busy) overtaken(wish)
      else void go()
    },
    get busy() {
      return busy
    },
    cancel() {
      gone = true
      next = null
    },
  }
}
