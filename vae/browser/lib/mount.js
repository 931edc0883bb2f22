/** How parts of the explorer come into a page. */
import { enter, leave } from "./controls.js"
import { element } from "./dom.js"
import { isAbort } from "./errors.js"

/**
 * @typedef {import("./source.js").Source} Source
 */
/**
 * @template [State=any]
 * @typedef {{source: Source, state: State, onChange: (name: string, value: any, how?: "choice" | "passing") => void}} Given
 *   Where data come from; what to show, plain JSON; and who hears of what the person does. `how` says whether that is a choice to
 *   come back to, or where one only passes.
 */
/**
 * @typedef {{update: (given: Given) => void, unmount: () => void}} Part
 */

const DIED = "Something went wrong in this part of the page. Your runs are safe. Reload the page; details are in the browser's console."

/** Parts that are in the page: what each is drawn in, and the folder that its module came from. */
const mounted = /** @type {Map<HTMLElement, string>} */ (new Map())

/**
 * Make the `mount` of a part.
 * @param {string} url The part's module: `import.meta.url`.
 * @param {(root: HTMLElement, given: Given) => Part} make Draws in an element; `update` is called at once, and whenever the state
 *   is another.
 * @returns {(element: HTMLElement, given: Given) => Part}
 */
export function mountable(url, make) {
  const folder = url.slice(0, url.lastIndexOf("/") + 1)
  return (root, given) => {
    watch()
    mounted.set(root, folder)
    enter(root)
    /** @type {Part | null} */
    let part = null
    const attempt = (/** @type {() => void} */ work) => {
      try {
        work()
      } catch (error) {
        console.error(error)
        die(root)
      }
    }
    attempt(() => {
      part = make(root, given)
      part.update(given)
    })
    return {
      update: (next) => attempt(() => part?.update(next)),
      unmount() {
        mounted.delete(root)
        leave(root)
        part?.unmount()
      },
    }
  }
}

/**
 * Say in a part's own place that it died.
 * @param {HTMLElement} root
 */
function die(root) {
  if (root.dataset.died) return
  root.dataset.died = "true"
  root.prepend(element("p", { class: "ll-message", role: "alert", dataset: { kind: "error" } }, DIED))
}

let watches = false

/** What fails where nobody waits for it is heard here, once for the page. */
function watch() {
  if (watches) return
  watches = true
  window.addEventListener("unhandledrejection", ({ reason }) => fell(reason))
  window.addEventListener("error", ({ error }) => fell(error))
}

/**
 * Something failed: the part whose modules its stack names says so.
 * @param {unknown} error
 */
function fell(error) {
  if (!(error instanceof Error) || isAbort(error)) return
  for (const [root, folder] of mounted) if (error.stack?.includes(folder)) die(root)
}
