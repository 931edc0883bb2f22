/**
 * Work that is not done for every move: it waits until nobody has asked for it for a while, as the server hears of where a hand
 * came to rest, not of its way; or it follows at its own pace, and leaves out what was passed meanwhile.
 */

/** Milliseconds without another key or click until a choice counts as made. */
const REST = 300

/**
 * @param {() => void} work
 * @param {number} [wait] ms.
 * @returns {{soon: () => void, now: () => void, cancel: () => void}} Ask for the work once it rests; do it at once instead; or
 *   not at all.
 */
export function atRest(work, wait = REST) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
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

/**
 * Have the page hear of an error that nobody waits for, as of one that nobody caught.
 * @param {unknown} error
 */
function report(error) {
  if (globalThis.reportError) globalThis.reportError(error)
  else console.error(error)
}

/**
 * Do one of many things; whatever goes wrong with it, the next ones are done.
 * @param {() => Promise<void> | void} work
 * @param {(error: Error) => void} [fail] Told what went wrong; without it the page is, so that the part that died says so.
 */
export async function goOn(work, fail = report) {
  try {
    await work()
  } catch (error) {
    try {
      fail(error instanceof Error ? error : new Error(String(error)))
    } catch (another) {
      console.error(error, another)
    }
  }
}

/**
 * @param {() => Promise<void> | void} work Looks at what is newest when it begins. What it throws the page hears.
 * @param {number} pause Between two beginnings, ms, at least.
 * @returns {{soon: () => void, cancel: () => void}} Ask for the work, of which one is under way at most; or for no more of it.
 */
export function atPace(work, pause) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let [began, busy, again, gone] = [-Infinity, false, false, false]

  async function go() {
    timer = undefined
    began = performance.now()
    busy = true
    again = false
    await goOn(work)
    busy = false
    if (again) soon()
  }

  function soon() {
    if (gone) return
    if (busy) again = true
    else timer ||= setTimeout(go, Math.max(0, began + pause - performance.now()))
  }

  return {
    soon,
    cancel() {
      gone = true
      clearTimeout(timer)
    },
  }
}
