/** Work that waits until nobody has asked for it for a while: the server hears of where a hand came to rest, not of its way. */

/** Milliseconds without another key or click until a choice counts as made. */
const REST = 300

/**
 * @param {() => void} work
 * @param {number} [wait] ms.
 * @returns {{soon: () => void, now: () => void, cancel: () => void}} Ask for the work once it rests; do it at once instead; or
 *   not at all.
 */
export function atRest(work, wait = REST) {
  let timer = 0
  const cancel = () => clearTimeout(timer)
  return {
    soon() {
      cancel()
      timer = setTimeout(work, wait)
    },
    now() {
      cancel()
      work()
    },
    cancel,
  }
}
